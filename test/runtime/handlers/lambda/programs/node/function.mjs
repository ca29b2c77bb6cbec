const textOf = ({ kinesis }) => Buffer.from(kinesis.data, 'base64').toString();

/** Does what the data of its records say. */
export async function handler(event, context) {
  const batchItemFailures = [];
  for (const record of event.Records) {
    const text = textOf(record);
    console.log('record', text, context.awsRequestId, context.getRemainingTimeInMillis());
    if (text === 'raise') throw new TypeError(`told to raise ${'ü'.repeat(20_000)}`);
    if (text === 'exit') process.exit(3);
    if (text === 'hang') await new Promise((resolve) => setTimeout(resolve, 600_000));
    if (text === 'throw-later')
      setTimeout(() => {
        throw new Error('told to throw later');
      });
    if (text === 'reject') void Promise.reject(new Error('told to reject'));
    if (['throw-later', 'reject', 'never'].includes(text)) await new Promise(() => {});
    if (text === 'fail') batchItemFailures.push({ itemIdentifier: record.kinesis.sequenceNumber });
  }
  return { batchItemFailures };
}
