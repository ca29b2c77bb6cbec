import * as z from 'zod';
import { ROLE_ARN, text } from './formats.ts';

export const awsSpec = z.strictObject({
  roleArn: text(ROLE_ARN, { max: 600, example: 'arn:aws:iam::123456789012:role/kcg-shop' }).describe(
    'IAM role that the operator assumes for everything it does in AWS for this group: the stream, the table, the stream consumer. The annotation kcg.dev/aws-roles of the namespace has to allow it. The table is in the account of the role. Workers take no notice: they have the identity of their pods.',
  ),
});
