import { decodeClaim, type Claim } from './claim.ts';
import type { LeaseTable } from './lease-table.ts';
import { CLAIM_KEY } from './row.ts';

/** As a strongly consistent read shows it; undefined = nobody has written one. @throws KcgError as `LeaseTable` does */
export async function readClaim(
  table: Pick<LeaseTable, 'get'>,
  signal: AbortSignal | undefined,
): Promise<Claim | undefined> {
  const row = await table.get(CLAIM_KEY, { consistent: true, signal });
  return row && decodeClaim(row);
}
