import { pythonPrograms } from './peer-programs.ts';

/** The Python that has async-kinesis with all its processors. */
export async function asyncKinesisPython(): Promise<string> {
  const bin = await pythonPrograms(
    'async-kinesis[msgpack,kpl]==3.0.1',
    'aiobotocore==3.10.0',
    'msgpack==1.2.4',
    'aws-kinesis-agg==1.2.3',
    'protobuf==7.36.2',
  );
  return `${bin}/python`;
}
