import * as z from 'zod';

/* Fields that the status of several resources has, with the bounds that their definitions hold. */

/** A count that grows for ever stops here. */
export const MAX_COUNT = 2_147_483_647;
/** Characters of a sentence. */
export const LINE_MAX = 1_024;

export const count = z.int().min(0).max(MAX_COUNT);
export const line = z.string().max(LINE_MAX);
export const name = z.string().max(256);
export const time = z.string().max(40).meta({ format: 'date-time' });
