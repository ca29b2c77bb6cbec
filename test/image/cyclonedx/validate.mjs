// validate.mjs FILE…: ends with 1 and says why when one is not as CycloneDX's own JSON schema of 1.6 has it.
import { readFileSync } from 'node:fs';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';

const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
for (const file of process.argv.slice(2)) {
  const wrong = await validator.validate(readFileSync(file, 'utf8'));
  if (wrong === null) continue;
  console.error(file, JSON.stringify(wrong));
  process.exitCode = 1;
}
