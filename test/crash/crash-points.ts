import type { CrashPoint } from './doomed-process.ts';
import { kindsOf, unlike } from './end-state.ts';
import { runScene, type Run } from './run-scene.ts';
import type { Scene } from './scenes.ts';

/** Renewals of the leader's Lease are all alike. */
const ELECTIONS = 2;

/** A scene as it goes without a crash. @throws when it does not end as it says */
export async function undisturbed(scene: Scene): Promise<Run> {
  const run = await runScene(scene);
  const found = kindsOf(run.end).sort().join(' ');
  const wanted = [...scene.leaves].sort().join(' ');
  if (found !== wanted) throw new Error(`a group that ${scene.name} leaves ${found}, not ${wanted}`);
  return run;
}

/**
 * Before and after every write that the scene's steps made: what is written anew is covered by itself. Just before a write,
 * all is as just after the one before it, unless time has passed between the two.
 */
export function crashPoints({ writes, before }: Run): CrashPoint[] {
  let elections = 0;
  return writes.flatMap(({ name, atMs }, index): CrashPoint[] => {
    if (index < before || (name === 'election' && (elections += 1) > ELECTIONS)) return [];
    const write = index + 1;
    const isSame = index > before && writes[index - 1]?.atMs === atMs;
    return [...(isSame ? [] : [{ write, how: 'before' as const }]), { write, how: 'after' as const }];
  });
}

/** Behind every write that is no renewal, as someone who leads no more. */
export function freezes(run: Run): CrashPoint[] {
  return crashPoints(run)
    .filter(
      ({ write, how }) => how === 'after' && !/^(event|election)/.test(run.writes[write - 1]?.name ?? ''),
    )
    .map(({ write }) => ({ write, how: 'frozen' }));
}

/** What a crash at `point` leaves otherwise than `plain`, the run that never crashed; empty = nothing. */
export async function differences(scene: Scene, point: CrashPoint, plain: Run): Promise<string[]> {
  const run = await runScene(scene, point);
  const name = plain.writes[point.write - 1]?.name;
  const found = [
    ...(run.isMet && run.writes[point.write - 1]?.name === name ? [] : ['it was not reached']),
    ...run.strangers.map((write) => `written by one that does not lead: ${write}`),
    ...unlike(plain.end, run.end),
  ];
  return found.map((each) => `${point.how} write ${point.write}, ${name}: ${each}`);
}
