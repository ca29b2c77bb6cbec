const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A quantity of Kubernetes, `500m`, `1.5Gi`, `1e9`, as a number. Undefined = it is none, which no API server takes. */
export function parseQuantity(text: string): number | undefined {
  const [, number, suffix = ''] = /^\+?(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)([a-zA-Z]*)$/.exec(text) ?? [];
  const unit = SUFFIXES[suffix];
  return number === undefined || unit === undefined ? undefined : Number(number) * unit;
}
