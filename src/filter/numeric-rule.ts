import { comparableNumber, NumberText } from './number-text.ts';
import { PatternRefused } from './refusal.ts';

const FORMS = 'write ["=", 5], [">", 0], ["<", 10] or both bounds, the lower first: [">", 0, "<=", 10]';

/** `["=", n]`, one bound, or a lower and then an upper one. Only numbers that can be compared are matched. */
export function numericRule(comparisons: unknown, path: string): (leaf: unknown) => boolean {
  const refuse = (what: string): never => {
    throw new PatternRefused(path, `${what}; ${FORMS}`);
  };
  if (!Array.isArray(comparisons)) return refuse('takes a list');
  const [operator, operand, upperOperator, upperOperand, ...more] = comparisons as unknown[];
  const number = (value: unknown): number => {
    if (!(value instanceof NumberText)) return refuse('compares with numbers');
    return comparableNumber(value.text) ?? refuse(`${value.text} has more digits than a double has`);
  };
  const first = number(operand);
  const isRange = comparisons.length > 2;
  if (more.length > 0 || comparisons.length === 3) return refuse('has too many or too few parts');
  if (!isRange && operator === '=') return (leaf) => leaf === first;
  if (!isRange && (operator === '<' || operator === '<=')) return between('>=', -Infinity, operator, first);
  if (operator !== '>' && operator !== '>=') return refuse(`${JSON.stringify(operator)} cannot stand there`);
  if (!isRange) return between(operator, first, '<=', Infinity);
  if (upperOperator !== '<' && upperOperator !== '<=')
    return refuse(`${JSON.stringify(upperOperator)} cannot stand there`);
  const upper = number(upperOperand);
  if (first >= upper) return refuse('has a lower bound that is not below the upper one');
  return between(operator, first, upperOperator, upper);
}

function between(lowerOperator: '>' | '>=', lower: number, upperOperator: '<' | '<=', upper: number) {
  return (leaf: unknown) =>
    typeof leaf === 'number' &&
    (lowerOperator === '>' ? leaf > lower : leaf >= lower) &&
    (upperOperator === '<' ? leaf < upper : leaf <= upper);
}
