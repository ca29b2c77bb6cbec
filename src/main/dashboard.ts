import { pageAssets } from '../dashboard/assets.ts';
import { Board } from '../dashboard/board.ts';
import { startDashboard, type Dashboard } from '../dashboard/server.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { ALL_ADDRESSES } from '../lib/listen.ts';
import type { OptionTable, OptionValues } from '../lib/options.ts';
import { KINDS, type Cluster } from '../kubernetes/cluster.ts';

export const dashboardOptions = {
  dashboard: {
    type: 'boolean',
    env: 'KCG_DASHBOARD',
    description: 'serve read-only pages of the groups; there is no login',
  },
  'dashboard-port': {
    type: 'number',
    env: 'KCG_DASHBOARD_PORT',
    description: 'their port; 0 = any',
    default: 8082,
    min: 0,
    max: 65_535,
  },
  'dashboard-reach': {
    type: 'string',
    env: 'KCG_DASHBOARD_REACH',
    description: 'who may reach them: this machine or pod alone, or whatever reaches its addresses',
    choices: ['loopback', 'all'],
    default: 'loopback',
  },
  'dashboard-hosts': {
    type: 'string',
    many: true,
    env: 'KCG_DASHBOARD_HOSTS',
    description: 'names that browsers reach them by, beside addresses and localhost',
  },
} as const satisfies OptionTable;

type Values = OptionValues<typeof dashboardOptions>;
export type DashboardSettings = Pick<Values, 'dashboardPort' | 'dashboardReach'> &
  Partial<Pick<Values, 'dashboardHosts'>>;

const LOOPBACK = '127.0.0.1';

/** Pages over what an operator of this process sees: its hooks are to be handed out before it is served. */
export class OperatorDashboard {
  readonly #settings: DashboardSettings;
  readonly #board: Board;
  #served: Dashboard | undefined;
  #cluster: Cluster | undefined;

  constructor(settings: DashboardSettings) {
    this.#settings = settings;
    const events = async (namespace: string, signal: AbortSignal) =>
      (await this.#cluster?.list(KINDS.event, { namespace, signal })) ?? [];
    this.#board = new Board({ clock, events });
  }

  get onLook(): Board['onLook'] {
    return this.#board.onLook;
  }

  get onReady(): Board['follow'] {
    return this.#board.follow;
  }

  /** Whether this process leads; `leader` is the identity of who does, as in the Lease. */
  leading(leads: boolean, leader?: string): void {
    // A pod's name has no underscore.
    this.#board.role = { leads, leader: leader?.split('_')[0] };
  }

  /**
   * @returns where it listens
   * @throws KcgError `Conflict` when the port is taken
   */
  async serve(cluster: Cluster): Promise<string> {
    const { dashboardPort, dashboardReach, dashboardHosts } = this.#settings;
    this.#cluster = cluster;
    this.#served = await startDashboard({
      board: this.#board,
      assets: pageAssets(),
      clock,
      host: dashboardReach === 'all' ? ALL_ADDRESSES : LOOPBACK,
      port: dashboardPort,
      portOption: '--dashboard-port',
      names: dashboardHosts?.map((name) => name.trim()).filter((name) => name !== ''),
    });
    return `http://${LOOPBACK}:${this.#served.port}/`;
  }

  async close(): Promise<void> {
    await this.#served?.close();
  }
}

/** That of `kcg dev`: on loopback, over an operator that always leads. */
export function localDashboard(port: number): OperatorDashboard {
  const dashboard = new OperatorDashboard({
    dashboardPort: port,
    dashboardReach: 'loopback',
  });
  dashboard.leading(true);
  return dashboard;
}
