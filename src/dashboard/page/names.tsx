import { shortPod, shortShard } from './words.ts';

/* Whole to who hears or copies it; to who sees it, where there is room. */

export function ShardName({ id }: { id: string }) {
  return <Name full={id} short={shortShard(id)} of="shard" />;
}

export function PodName({ name }: { name: string }) {
  return <Name full={name} short={`…${shortPod(name)}`} of="pod" />;
}

/** One element: there are hundreds. */
function Name({ full, short, of }: { full: string; short: string; of: 'shard' | 'pod' }) {
  if (short.length >= full.length) return full;
  return (
    <span class={`name-of-${of}`} title={full} data-short={short}>
      {full}
    </span>
  );
}
