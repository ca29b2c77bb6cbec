import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Mostly waits, for longer than any other file takes: begun last it would be waited for alone. */
const LONGEST = /\/soak\.long\.test\.ts$/;

/** The order of vitest, by size, but the file that takes longest comes first. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLongest = ({ moduleId }: TestSpecification) => LONGEST.test(moduleId);
    return [...sorted.filter(isLongest), ...sorted.filter((file) => !isLongest(file))];
  }
}
