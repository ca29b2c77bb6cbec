import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An address that sends calls of DynamoDB there and all others to Kinesis, for programs that take one endpoint for both. */
export async function oneEndpoint({
  kinesis,
  dynamodb,
}: {
  kinesis: string;
  dynamodb: string;
}): Promise<string> {
  const server = createServer((incoming, answer) => {
    const isDynamoDb = String(incoming.headers['x-amz-target']).startsWith('DynamoDB');
    const { method, headers, url } = incoming;
    const onward = request(
      new URL(url ?? '/', isDynamoDb ? dynamodb : kinesis),
      { method, headers },
      (reply) => {
        answer.writeHead(reply.statusCode ?? 500, reply.headers);
        reply.pipe(answer);
      },
    );
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
