import { pageAssets } from '../dashboard/assets.ts';
import { Board } from '../dashboard/board.ts';
import { startDashboard } from '../dashboard/server.ts';
import { systemClock } from '../lib/clock.ts';
import { KINDS, type Cluster } from '../kubernetes/cluster.ts';

const LOOPBACK = '127.0.0.1';

/** What the dashboard has to hear of the operator, and how it is served once there is a cluster. */
export function localDashboard(port: number) {
  let cluster: Cluster | undefined;
  const clock = systemClock;
  const board = new Board({
    clock,
    events: async (namespace, signal) => (await cluster?.list(KINDS.event, { namespace, signal })) ?? [],
  });
  board.role = { leads: true };
  return {
    hooks: { onLook: board.onLook, onReady: board.follow },
    /** @throws KcgError `Conflict` when the port is taken */
    async serve(of: Cluster) {
      cluster = of;
      const assets = pageAssets();
      const served = await startDashboard({
        board,
        assets,
        clock,
        host: LOOPBACK,
        port,
        portOption: '--dashboard-port',
      });
      return { ...served, url: `http://${LOOPBACK}:${served.port}/` };
    },
  };
}
