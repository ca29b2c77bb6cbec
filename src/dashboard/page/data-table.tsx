import { Component, type ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface Column<Row> {
  id: string;
  head: string;
  cell: (row: Row) => ComponentChildren;
  isNumber?: boolean;
  /** It holds sentences. */
  isProse?: boolean;
  /** Left out where there is less room than that, unless rows are stacked there. */
  shownFrom?: 'narrow' | 'medium' | 'wide';
  /** The row is called by this one. */
  isName?: boolean;
}

export interface DataTableProps<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row, index: number) => string;
  /** The row that is looked at. */
  selected?: string | undefined;
  sorted?: { by: string; choose: (by: string) => void; ids: readonly string[] };
  /** In place of rows, when there are none. */
  empty: string;
  /** Where there is little room a row is a few lines, not one that goes out of sight, unless there are many. */
  stacks?: boolean;
}

/** What a cell says that has nothing to say. */
export const NOTHING_TOLD = '–';

/** What is not laid out as a table is none to some browsers, unless it says so. To say it in each of many rows would take long. */
const ROLES = {
  table: 'table',
  rows: 'rowgroup',
  row: 'row',
  head: 'columnheader',
  name: 'rowheader',
  cell: 'cell',
} as const;
type Roles = typeof ROLES | undefined;

/** More rows than this are drawn only where they are seen: all of the same height. */
const MANY = 120;
const ROW_PX = 34;
const SPARE_ROWS = 8;

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { caption, columns, rows, keyOf, selected, sorted, empty } = props;
  const box = useRef<HTMLDivElement>(null);
  const isMany = rows.length > MANY;
  const roles = props.stacks && !isMany ? ROLES : undefined;
  const { first, last } = useSeen(box, isMany, rows.length);
  const selectedIndex =
    isMany && selected !== undefined ? rows.findIndex((row, i) => keyOf(row, i) === selected) : -1;
  useLayoutEffect(() => {
    if (selectedIndex < 0 || !box.current) return;
    const { scrollTop, clientHeight } = box.current;
    const top = selectedIndex * ROW_PX;
    if (top < scrollTop || top + 2 * ROW_PX > scrollTop + clientHeight)
      box.current.scrollTop = top - clientHeight / 2;
  }, [selected]);
  const shown = isMany ? rows.slice(first, last) : rows;
  return (
    <div
      ref={box}
      class={`table-box ${isMany ? 'many' : ''} ${roles ? 'stacks' : ''}`}
      role="group"
      aria-label={caption}
      tabIndex={0}
    >
      <table role={roles?.table} aria-rowcount={rows.length + 1}>
        <caption class="unseen">{caption}</caption>
        <thead role={roles?.rows}>
          <tr role={roles?.row} aria-rowindex={1}>
            {columns.map((column) => (
              <Head key={column.id} column={column as Column<never>} sorted={sorted} roles={roles} />
            ))}
          </tr>
        </thead>
        <tbody role={roles?.rows}>
          <Spacer rows={isMany ? first : 0} columns={columns.length} />
          {shown.map((row, index) => {
            const at = (isMany ? first : 0) + index;
            const key = keyOf(row, at);
            return (
              <Line
                key={key}
                row={row}
                columns={columns}
                index={at + 2}
                isSelected={key === selected}
                roles={roles}
              />
            );
          })}
          <Spacer rows={isMany ? rows.length - last : 0} columns={columns.length} />
          {rows.length === 0 && (
            <tr role={roles?.row}>
              <td role={roles?.cell} class="empty" colSpan={columns.length}>
                {empty}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function Head({
  column,
  sorted,
  roles,
}: {
  column: Column<never>;
  sorted: DataTableProps<never>['sorted'];
  roles: Roles;
}) {
  const { id, head } = column;
  const isSortable = sorted?.ids.includes(id) ?? false;
  const isSorted = sorted?.by === id;
  const order = isSorted ? (column.isNumber ? 'descending' : 'ascending') : undefined;
  return (
    <th role={roles?.head} scope="col" class={classOf(column)} aria-sort={order}>
      {isSortable ? (
        <button type="button" class="sort" onClick={() => sorted!.choose(id)}>
          {head}
          <span class="arrow" aria-hidden="true">
            {isSorted ? (column.isNumber ? ' ↓' : ' ↑') : ''}
          </span>
        </button>
      ) : (
        head
      )}
    </th>
  );
}

interface LineProps<Row> {
  row: Row;
  columns: readonly Column<Row>[];
  index: number;
  isSelected: boolean;
  roles: Roles;
}

/** A row that is what it was is not drawn anew. */
class Line<Row> extends Component<LineProps<Row>> {
  override shouldComponentUpdate(next: LineProps<Row>): boolean {
    const names = ['row', 'columns', 'index', 'isSelected', 'roles'] as const;
    return names.some((name) => next[name] !== this.props[name]);
  }

  override render({ row, columns, index, isSelected, roles }: LineProps<Row>) {
    return (
      <tr role={roles?.row} aria-rowindex={index} class={isSelected ? 'selected' : undefined}>
        {columns.map((column) => cellOf(column, row, roles))}
      </tr>
    );
  }
}

/** No component of its own: there are hundreds, and each would take as long again as what is in it. */
function cellOf<Row>(column: Column<Row>, row: Row, roles: Roles) {
  const { id, head, isName, cell } = column;
  const name = classOf(column);
  const told = cell(row);
  if (!isName)
    return (
      <td
        key={id}
        role={roles?.cell}
        class={roles && told === NOTHING_TOLD ? `${name} nothing` : name}
        data-head={roles && head}
      >
        {told}
      </td>
    );
  return (
    <th key={id} role={roles?.name} scope="row" class={name}>
      {told}
    </th>
  );
}

function classOf({ isNumber, isProse, shownFrom, id }: Omit<Column<never>, 'cell' | 'head'>): string {
  return [`c-${id}`, isNumber ? 'number' : '', isProse ? 'prose' : '', shownFrom ? `from-${shownFrom}` : '']
    .filter(Boolean)
    .join(' ');
}

function Spacer({ rows, columns }: { rows: number; columns: number }) {
  if (rows === 0) return null;
  return (
    <tr class="spacer" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${rows * ROW_PX}px` }} />
    </tr>
  );
}

/** Which rows are in sight, and a few around them. */
function useSeen(box: { current: HTMLDivElement | null }, isMany: boolean, count: number) {
  const [seen, setSeen] = useState({ first: 0, last: Math.min(count, MANY) });
  useLayoutEffect(() => {
    const element = box.current;
    if (!isMany || !element) return;
    const look = () => {
      const { scrollTop, clientHeight } = element;
      // In steps, so that not each pixel draws anew.
      const first = Math.max(0, Math.floor(scrollTop / ROW_PX / SPARE_ROWS) * SPARE_ROWS - SPARE_ROWS);
      const last = Math.min(count, first + Math.ceil(clientHeight / ROW_PX) + 3 * SPARE_ROWS);
      setSeen((old) => (old.first === first && old.last === last ? old : { first, last }));
    };
    look();
    element.addEventListener('scroll', look, { passive: true });
    const resized = new ResizeObserver(look);
    resized.observe(element);
    return () => {
      element.removeEventListener('scroll', look);
      resized.disconnect();
    };
  }, [isMany, count]);
  return seen;
}
