import {
  defaultTableName,
  regionOf,
  rowsGroupIdOf,
  streamNameOf,
  tableNameOf,
  type KinesisConsumerGroup,
} from '../api/group.ts';
import { readGroup, readGroupLeniently } from '../api/stored-group.ts';
import type { Clock } from '../lib/clock.ts';
import { describeError } from '../lib/errors.ts';
import { keyOf, keyString, parseKey, type ObjectCache, type StoredObject } from '../kubernetes/cluster.ts';
import { eventsOf } from '../view/event-view.ts';
import type { GroupLook } from '../view/group-look.ts';
import type { GroupPicture, GroupPlace, Unknown } from '../view/group-picture.ts';
import { GroupHistory, shardRoom } from './group-history.ts';

export interface BoardOptions {
  clock: Clock;
  /** All Events of a namespace. Asked only while somebody looks at a group there. */
  events: (namespace: string, signal: AbortSignal) => Promise<StoredObject[]>;
}

/** Who looks after the groups. */
export interface Role {
  /** False: this process stands by, and reads no rows. */
  leads: boolean;
  /** Of who does, as far as it is known. */
  leader?: string | undefined;
}

/** Shards whose last hour is kept, in all groups together: 1.2 KB each. */
export const MAX_SHARDS = 20_000;
/** Events of a namespace are not asked for again sooner, ms. */
const EVENTS_MS = 10_000;
/** How long a page waits for them, ms. */
const EVENTS_WAIT_MS = 1_000;

interface Known {
  /** Undefined: its rows cannot be read. */
  look: GroupLook | undefined;
  history: GroupHistory;
}

interface KnownEvents {
  /** Monotonic. */
  askedMs: number;
  events: readonly StoredObject[];
  problem: string | undefined;
}

/**
 * What the operator sees anyway, kept for whoever looks: the last look at each group, its last hour, and the groups in the
 * cache. It reads nothing of AWS, and of Kubernetes only Events, and those only for who asks.
 */
export class Board {
  readonly #options: BoardOptions;
  readonly #room = shardRoom(MAX_SHARDS);
  readonly #known = new Map<string, Known>();
  readonly #specs = new WeakMap<StoredObject, Pick<GroupPicture, 'group' | 'refused'>>();
  readonly #events = new Map<string, KnownEvents>();
  #groups: Pick<ObjectCache, 'get' | 'list'> | undefined;
  #role: Role = { leads: false };

  constructor(options: BoardOptions) {
    this.#options = options;
  }

  /** The operator's cache is complete. */
  readonly follow = (groups: Pick<ObjectCache, 'get' | 'list'>): void => {
    this.#groups = groups;
  };

  /** The operator has looked at a group, cannot read its rows (its last hour is kept), or will not look any more. */
  readonly onLook = (key: string, look: GroupLook | 'unread' | undefined): void => {
    const known = this.#known.get(key);
    if (look === 'unread') {
      if (known) known.look = undefined;
      return;
    }
    if (!look) {
      known?.history.close();
      this.#known.delete(key);
      return;
    }
    const history = known?.history ?? new GroupHistory(this.#room);
    history.add(look);
    this.#known.set(key, { look, history });
  };

  get role(): Role {
    return this.#role;
  }

  /** What was seen while it led is not what is by now. */
  set role(role: Role) {
    this.#role = role;
    if (!role.leads) for (const key of this.#known.keys()) this.onLook(key, undefined);
  }

  /** Undefined: the groups are not known yet. */
  pictures(): GroupPicture[] | undefined {
    return this.#groups?.list().map((object) => this.#picture(object));
  }

  picture(key: string): GroupPicture | undefined {
    const object = this.#groups?.get(parseKey(key));
    return object && this.#picture(object);
  }

  history(key: string): GroupHistory | undefined {
    return this.#known.get(key)?.history;
  }

  /** Wall clock, ms since the epoch: when the rows of the group were looked at. */
  lookedAt(key: string): number | undefined {
    return this.#known.get(key)?.look?.atMs;
  }

  /** With the Events of the group, as old as `EVENTS_MS`. */
  async withEvents(picture: GroupPicture, signal: AbortSignal): Promise<GroupPicture> {
    const { key } = picture;
    if (!key) return picture;
    const { events, problem } = await this.#eventsOf(key.namespace, signal);
    const unknown: Unknown[] = problem === undefined ? [] : [{ what: 'Events', why: problem }];
    return {
      ...picture,
      events: eventsOf(events, key.name),
      unknown: [...picture.unknown, ...unknown],
    };
  }

  async #eventsOf(namespace: string, signal: AbortSignal): Promise<KnownEvents> {
    const askedMs = this.#options.clock.monotonic();
    const known = this.#events.get(namespace);
    if (known && askedMs - known.askedMs < EVENTS_MS) return known;
    for (const [name, { askedMs: at }] of this.#events) if (askedMs - at > 60_000) this.#events.delete(name);
    // Who asks meanwhile gets the old ones.
    const asked: KnownEvents = { askedMs, events: known?.events ?? [], problem: known?.problem };
    this.#events.set(namespace, asked);
    // The page does not wait for a slow server: another look shows them.
    const answered = this.#ask(namespace, asked, signal);
    await Promise.race([answered, this.#options.clock.sleep(EVENTS_WAIT_MS, { signal })]);
    return asked;
  }

  async #ask(namespace: string, asked: KnownEvents, signal: AbortSignal): Promise<void> {
    try {
      asked.events = await this.#options.events(namespace, signal);
      asked.problem = undefined;
    } catch (thrown) {
      if (!signal.aborted) asked.problem = describeError(thrown);
      // Who asked has gone away; others may still look.
      else if (this.#events.get(namespace) === asked) this.#events.delete(namespace);
    }
  }

  #picture(object: StoredObject): GroupPicture {
    const { namespace = 'default', name } = object.metadata;
    const key = keyString(keyOf(object));
    const look = this.#known.get(key)?.look;
    const { group, refused } = this.#read(object);
    const unknown: Unknown[] = look ? [...look.unknown] : [{ what: 'rows', why: this.#whyNoRows() }];
    return {
      title: key,
      key: { namespace, name },
      place: look?.place ?? placeOf(group, { namespace, name }),
      object,
      group,
      refused,
      rows: look?.rows,
      stream: look?.stream,
      shards: look?.shards,
      table: undefined,
      view: look?.view,
      pods: look?.view.pods,
      events: [],
      silentMs: look?.silentMs ?? new Map(),
      unknown,
      nowMs: this.#options.clock.now(),
    };
  }

  /** An object of a cache is never changed, and is shown again and again. */
  #read(object: StoredObject): Pick<GroupPicture, 'group' | 'refused'> {
    let read = this.#specs.get(object);
    if (!read) {
      const whole = readGroup(object);
      const lenient = readGroupLeniently(object);
      read = {
        group: lenient.outcome === 'ok' ? lenient.group : undefined,
        refused: whole.outcome === 'ok' ? [] : whole.problems,
      };
      this.#specs.set(object, read);
    }
    return read;
  }

  #whyNoRows(): string {
    if (this.#role.leads) return 'the operator has not read them yet, or cannot: see the conditions.';
    const { leader } = this.#role;
    return `this replica of the operator stands by, and only the one that leads reads them${leader === undefined ? '' : `: ${leader}`}.`;
  }
}

/** As far as the resource alone tells. */
function placeOf(
  group: KinesisConsumerGroup | undefined,
  { namespace, name }: { namespace: string; name: string },
): GroupPlace {
  const id = `${namespace}.${name}`;
  const nowhere = { region: undefined, stream: undefined, kinesis: undefined, dynamodb: undefined };
  if (!group) return { ...nowhere, groupId: id, table: defaultTableName(id) };
  return {
    groupId: rowsGroupIdOf(group),
    table: tableNameOf(group),
    region: regionOf(group, undefined),
    stream: { name: streamNameOf(group), arn: group.spec.stream.arn },
    kinesis: group.spec.endpoints.kinesis,
    dynamodb: group.spec.endpoints.dynamodb,
  };
}
