import { randomUUID } from 'node:crypto';

export interface StsAnswer {
  status: number;
  body: string;
}

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

/**
 * STS as far as programs ask for it to learn the account they are in, which the KPL does before it sends anything. In
 * the form of the Query protocol: parameters of a form in, XML out.
 */
export function answerSts(form: string, accountId: string): StsAnswer {
  const action = new URLSearchParams(form).get('Action') ?? '';
  const requestId = randomUUID();
  if (action === 'GetCallerIdentity') {
    const result = `<Arn>arn:aws:iam::${accountId}:user/local</Arn><UserId>AIDALOCAL</UserId><Account>${accountId}</Account>`;
    const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
    return {
      status: 200,
      body: `<GetCallerIdentityResponse xmlns="${NAMESPACE}"><GetCallerIdentityResult>${result}</GetCallerIdentityResult>${metadata}</GetCallerIdentityResponse>\n`,
    };
  }
  const known = /^\w{1,64}$/.test(action) ? `No operation ${action} here` : 'No such operation here';
  const error = `<Type>Sender</Type><Code>InvalidAction</Code><Message>${known}. There is: GetCallerIdentity.</Message>`;
  return {
    status: 400,
    body: `<ErrorResponse xmlns="${NAMESPACE}"><Error>${error}</Error><RequestId>${requestId}</RequestId></ErrorResponse>\n`,
  };
}
