import { shortPod, shortShard } from './words.ts';

/** Whole to who hears it, and to who sees it where there is room. */
export function ShardName({ id }: { id: string }) {
  return <Name full={id} short={shortShard(id)} of="shard" />;
}

export function PodName({ name }: { name: string }) {
  const short = shortPod(name);
  return short === name ? name : <Name full={name} short={`…${short}`} of="pod" />;
}

function Name({ full, short, of }: { full: string; short: string; of: 'shard' | 'pod' }) {
  return (
    <span class={`name-of-${of}`} title={full}>
      <span class="full">{full}</span>
      <span class="short" aria-hidden="true">
        {short}
      </span>
    </span>
  );
}
