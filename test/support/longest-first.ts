import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Mostly wait, for longer than any other files take: begun last they would be waited for alone. */
const LONGEST = /\/(soak|kcl|nodes\.node)\.long\.test\.ts$/;

/** The order of vitest, by size, but the files that take longest come first. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLongest = ({ moduleId }: TestSpecification) => LONGEST.test(moduleId);
    return [...sorted.filter(isLongest), ...sorted.filter((file) => !isLongest(file))];
  }
}
