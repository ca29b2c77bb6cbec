/* The quickstart's handler, which can block its process once, as a computation without an end would. */
import forward from '../../examples/quickstart/handler.ts';

let blockMs = Number(process.env['BLOCK_MS'] ?? 0);

export default async function handle(...[batch, context]: Parameters<typeof forward>): Promise<void> {
  const endMs = performance.now() + blockMs;
  blockMs = 0;
  while (performance.now() < endMs);
  await forward(batch, context);
}
