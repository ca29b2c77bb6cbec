import { KcgError } from './errors.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `90s`, `10m`, `1h30m`, `2d`, as kubectl takes them. @returns seconds. @throws KcgError `InvalidInput` */
export function parseDurationSeconds(flag: string, text: string): number {
  const parts = [...text.matchAll(/(\d+)([smhd])/g)];
  const isWhole = parts.length > 0 && parts.map(([part]) => part).join('') === text;
  if (!isWhole)
    throw new KcgError('InvalidInput', `${flag} takes a time such as 90s, 10m or 2h, not '${text}'`);
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!, 0);
}
