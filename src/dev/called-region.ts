/*
 * The local servers are in every region at once: whoever calls finds the names of resources in the region that its client is
 * set up for, as programs take the region out of them again.
 */

const ARN = /arn$/i;

/** The region in the credential scope of a request's signature. */
export function signedRegion(authorization: string | undefined): string | undefined {
  return /Credential=[^/,\s]+\/\d+\/([^/,\s]+)\//.exec(authorization ?? '')?.[1];
}

/** `moved` of each text whose member's name ends in `Arn`, at any depth; what is no plain data stays as it is. */
export function mapArns(value: unknown, moved: (arn: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => mapArns(each, moved));
  return mapMembers(value, moved, (member) => mapArns(member, moved));
}

/** The same of a request, which names resources at its top alone; its records stay as they are. */
export function mapOwnArns(request: unknown, moved: (arn: string) => string): unknown {
  return mapMembers(request, moved, (member) => member);
}

function mapMembers(
  value: unknown,
  moved: (arn: string) => string,
  other: (member: unknown) => unknown,
): unknown {
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      typeof member === 'string' && ARN.test(name) ? moved(member) : other(member),
    ]),
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
