import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';

const textOf = ({ kinesis }) => Buffer.from(kinesis.data, 'base64').toString();
const processor = new BatchProcessor(EventType.KinesisDataStreams);

async function one(record) {
  console.log('record', textOf(record));
  if (textOf(record) === 'fail') throw new Error('told to fail');
}

export const powertools = (event, context) => processPartialResponse(event, one, processor, { context });
