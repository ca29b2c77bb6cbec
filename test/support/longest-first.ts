import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { LONGEST } from './long-tests.ts';

/**
 * The order of vitest, by size, but the files that take longest come first, then the other long ones; and those that need nothing but a
 * processor last: they are short, and fill the places that would be empty while the last of the others end.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      const at = LONGEST.findIndex((file) => moduleId.endsWith(`/${file}`));
      if (at !== -1) return at;
      if (moduleId.includes('.long.')) return LONGEST.length;
      return LONGEST.length + (project.name === 'pure' ? 2 : 1);
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
