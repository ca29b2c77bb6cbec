import { useEffect, useState } from 'preact/hooks';

/** What it is given, a frame after it has changed: what is drawn of it has a frame of its own. At first, at once. */
export function useLater<T>(value: T): T {
  const [later, setLater] = useState({ value });
  useEffect(() => setLater((old) => (Object.is(old.value, value) ? old : { value })), [value]);
  return later.value;
}
