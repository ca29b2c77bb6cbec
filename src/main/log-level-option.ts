import { LOG_LEVELS } from '../lib/log.ts';

/** What every process takes that writes a log. */
export const logLevelOption = {
  type: 'string',
  env: 'KCG_LOG_LEVEL',
  description: 'least level to log',
  choices: LOG_LEVELS,
  default: 'info',
} as const;
