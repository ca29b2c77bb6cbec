/** A pattern that AWS's engine takes no rule from either: what is wrong, where, and what to write instead. */
export class PatternRefused extends Error {
  /** Keys from the pattern's top to the blame, as `data.order.type`. */
  readonly path: string;
  constructor(path: string, what: string) {
    super(path === '' ? what : `${path}: ${what}`);
    this.path = path;
  }
}
