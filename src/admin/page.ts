import { TurnoutError } from '../core/errors.ts'
import { entriesAfter, entriesFrom, type PersistentMap } from '../core/persistent-map.ts'
import type { Page } from './answers.ts'
import type { AdminContext } from './context.ts'
import type { Kind } from './kinds.ts'
import type { Answer } from './resource.ts'

const usual = 100

interface PageQuery {
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

/**
 * One page of a list by key. It goes on after a key, so a page is right whatever changed between two of them: nothing
 * that stays is told twice or left out.
 */
export function pageOf<Value extends NonNullable<unknown>, Answered>(
  map: PersistentMap<Value>,
  query: PageQuery,
  revision: number,
  render: (value: Value) => Answered,
  isWanted: (value: Value) => boolean = () => true,
): Page<Answered> {
  const limit = query.limit ?? usual
  const entries = query.after === undefined ? entriesFrom(map) : entriesAfter(map, query.after)
  const items: Answered[] = []
  let last: string | null = null
  for (const [key, value] of entries) {
    if (!isWanted(value)) continue
    if (items.length === limit) return { items, next: last, revision }
    items.push(render(value))
    last = key
  }
  return { items, next: null, revision }
}

/** A page of a kind of objects, of one owner where the query says so. */
export function listItems<Value extends NonNullable<unknown>>(
  kind: Kind<Value>,
  { control }: AdminContext,
  query: PageQuery & { readonly owner?: string | undefined },
): Answer {
  const { table, revision } = control.current
  const { owner } = query
  const body = pageOf(
    kind.all(table),
    query,
    revision.number,
    (value) => kind.answer(value, table),
    (value) => owner === undefined || kind.known(value).owner === owner,
  )
  return { status: 200, headers: { 'turnout-revision': String(revision.number) }, body }
}

/** How rows stand one behind the other, and how the place behind one is told to a client. */
export interface Order<Row, Key> {
  readonly keyOf: (row: Row) => Key
  /** Negative: left comes first. */
  readonly compare: (left: Key, right: Key) => number
  readonly write: (key: Key) => string
  /** Null: it was not written by `write`. */
  readonly read: (cursor: string) => Key | null
}

/** A page of rows in their order. It goes on behind a key, whether or not its row is still there. */
export function pageInOrder<Row, Key, Answered>(
  rows: readonly Row[],
  order: Order<Row, Key>,
  { limit = usual, after }: PageQuery,
  revision: number,
  render: (row: Row) => Answered,
): Page<Answered> {
  const { keyOf, compare, write, read } = order
  const last = after === undefined ? undefined : read(after)
  if (last === null) throw badCursor()
  const left = rows
    .filter((row) => last === undefined || compare(keyOf(row), last) > 0)
    .sort((one, other) => compare(keyOf(one), keyOf(other)))
  const page = left.slice(0, limit)
  const next = left.length > limit ? write(keyOf(page.at(-1)!)) : null
  return { items: page.map(render), next, revision }
}

/**
 * A page of rows that have a time and no number in common, newest first. It goes on after an instant, and so many rows
 * of that instant: older rows never move.
 */
export function pageByTime<Row extends { readonly at: number }, Answered>(
  rows: readonly Row[],
  { limit = usual, after }: PageQuery,
  revision: number,
  render: (row: Row) => Answered,
): Page<Answered> {
  let start = 0
  if (after !== undefined) {
    const [, at, skip] = /^(\d{1,15})\.(\d{1,9})$/.exec(after) ?? []
    if (at === undefined) throw badCursor()
    const first = rows.findIndex((row) => row.at <= Number(at))
    if (first < 0) return { items: [], next: null, revision }
    start = rows[first]!.at === Number(at) ? first + Number(skip) : first
  }
  const page = rows.slice(start, start + limit)
  const last = page.at(-1)
  const isLast = last === undefined || start + page.length >= rows.length
  const same = rows.slice(0, start + page.length).filter((row) => row.at === last?.at)
  return {
    items: page.map(render),
    next: isLast ? null : `${last.at}.${same.length}`,
    revision,
  }
}

const badCursor = (): TurnoutError =>
  new TurnoutError('TURNOUT_QUERY_INVALID', { reason: 'after is no cursor' })
