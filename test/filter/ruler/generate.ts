/* Writes ruler-answers.json: what the engine that AWS runs says to each question. Run with node; needs a JDK and Maven. Format afterwards. */
import { writeFile } from 'node:fs/promises';
import { ENGINE, askRuler } from './ask.ts';
import { QUESTIONS } from './questions.ts';

const answers = await askRuler(QUESTIONS);
const rows = QUESTIONS.map(([pattern, event], index) => JSON.stringify([pattern, event, answers[index]]));
await writeFile(
  new URL('ruler-answers.json', import.meta.url),
  `{\n"engine": ${JSON.stringify(ENGINE)},\n"cases": [\n${rows.join(',\n')}\n]\n}\n`,
);
