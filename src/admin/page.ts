import { entriesAfter, entriesFrom, type PersistentMap } from '../core/persistent-map.ts'
import type { Page } from './answers.ts'
import type { AdminContext } from './context.ts'
import type { Kind } from './kinds.ts'
import type { Answer } from './resource.ts'

const usual = 100

/**
 * One page of a list by key. It goes on after a key, so a page is right whatever changed between two of them: nothing
 * that stays is told twice or left out.
 */
export function pageOf<Value extends NonNullable<unknown>, Answered>(
  map: PersistentMap<Value>,
  query: { readonly limit?: number | undefined; readonly after?: string | undefined },
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
  query: Parameters<typeof pageOf>[1] & { readonly owner?: string | undefined },
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
