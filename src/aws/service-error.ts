/** A service's error as the SDK tells it. */
export function serviceError(
  { status, errorType }: { status: number; errorType?: string | undefined },
  /** Of the body. @throws when it is none of the service's */
  readMembers: () => Record<string, unknown>,
): Error {
  const $metadata = { httpStatusCode: status };
  try {
    const { Item, ...told } = readMembers();
    const type = errorType ?? told['__type'] ?? told['code'];
    const message = told['message'] ?? told['Message'];
    const name = typeof type === 'string' ? type.split(/[,:]/, 1)[0]!.replace(/^.*#/, '') : 'Unknown';
    const error = new Error(typeof message === 'string' && message !== '' ? message : 'UnknownError');
    // What a row is that a condition did not hold for.
    return Object.assign(error, { name, $metadata }, Item === undefined ? {} : { Item });
  } catch (thrown) {
    return Object.assign(thrown as Error, { $metadata });
  }
}
