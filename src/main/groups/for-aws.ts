import { KcgError } from '../../lib/errors.ts';

/** In the words of somebody at a terminal, not of a pod. */
export function forAws(thrown: unknown): KcgError {
  const error = KcgError.from(thrown);
  if (error.message === 'no AWS region is set')
    return new KcgError('InvalidInput', error.message, { cause: error, fix: 'Name it with --region.' });
  // What STS refuses is a matter of a role's trust policy, and told as such.
  if (error.code === 'Credentials' && !error.message.includes('STS did not give the role')) {
    return new KcgError('Credentials', error.message, {
      cause: error,
      fix: 'Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with aws sso login.',
    });
  }
  if (error.code !== 'Unavailable' && error.code !== 'Timeout') return error;
  // What could not be tried says itself who is in the way.
  if (error.message.includes('was not tried')) return error;
  const fix = 'Check the endpoint, the region and the network between here and AWS.';
  return new KcgError(error.code, error.message, { cause: error, resource: error.resource, fix });
}
