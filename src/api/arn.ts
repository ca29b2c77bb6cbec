/*
 * `arn:<partition>:<service>:<region>:<account>:<resource>`. What has no region or no account, as a bucket, has '' there; a text
 * with fewer parts, and no text at all, have undefined.
 */

export function regionOfArn(arn: string | undefined): string | undefined {
  return arn?.split(':')[3];
}

export function accountOfArn(arn: string | undefined): string | undefined {
  return arn?.split(':')[4];
}
