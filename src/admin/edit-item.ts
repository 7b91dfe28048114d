import { TurnoutError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { mergePatch } from '../core/merge-patch.ts'
import { getKey } from '../core/persistent-map.ts'
import type { Table } from '../core/route/table.ts'
import type { Item } from './answers.ts'
import { adminOwner, type AdminContext } from './context.ts'
import type { Identity } from './identity.ts'
import type { Kind } from './kinds.ts'
import { demandMatch, demandOwner, entityTag, type Match } from './precondition.ts'
import { editOf, publish, type Published } from './publish.ts'
import { invalidInput } from './refusal.ts'
import type { Answer } from './resource.ts'
import type { ChangeQuery } from './schemas.ts'

/** What an edit of one item takes of its request. */
export interface EditRequest {
  readonly context: AdminContext
  readonly identity: Identity
  readonly match: Match
  readonly query: ChangeQuery & { readonly force?: boolean | undefined }
}

/** @throws TurnoutError TURNOUT_SCOPE_MISSING */
export function demandWrite<Value>(
  kind: Kind<Value>,
  { scopes }: Identity,
  values: readonly Value[],
): void {
  for (const value of values) {
    if (kind.mayWrite(scopes, value)) continue
    const what = `write the ${kind.noun} ${kind.known(value).id}`
    throw new TurnoutError('TURNOUT_SCOPE_MISSING', { what })
  }
}

/** @throws TurnoutError with every problem of the input */
export function parsed<Value>(kind: Kind<Value>, input: Json, id?: string, pointer = ''): Value {
  const place = { owner: adminOwner, pointer, ...(id === undefined ? {} : { id }) }
  const { value, problems } = kind.parse(input, place)
  if (value === null) throw invalidInput(problems!)
  return value
}

const exists = <Value>(kind: Kind<Value>, value: Value, there: Value): TurnoutError =>
  new TurnoutError('TURNOUT_ITEM_EXISTS', {
    noun: kind.noun,
    id: kind.known(value).id,
    owner: kind.known(value).owner,
    place: kind.place(value),
    other: kind.known(there).id,
    otherOwner: kind.known(there).owner,
    otherPlace: kind.place(there),
  })

const unknown = <Value>({ noun }: Kind<Value>, id: string): TurnoutError =>
  new TurnoutError('TURNOUT_ITEM_UNKNOWN', { noun, id })

export const locationOf = <Value>(kind: Kind<Value>, id: string): string =>
  `${kind.path}/${encodeURIComponent(id)}`

/** The answer to a change of an item: as it is now, with the revision that serves it. */
const answerOf = <Value>(
  kind: Kind<Value>,
  { context }: EditRequest,
  value: Value,
  status: number,
  { revision, isChanged }: Published,
): Answer => {
  const { table } = context.control.current
  const { id } = kind.known(value)
  const there = kind.get(table, id)
  // One that was parsed just now has none yet; one that was only switched keeps its own.
  const own = kind.known(value).revision
  const untouched = there === undefined ? revision : kind.known(there).revision
  const touched = own > 0 ? own : isChanged ? revision : untouched
  const body = { ...kind.answer(value, table), revision: touched }
  const headers = {
    etag: entityTag(touched),
    'turnout-revision': String(revision),
    ...(status === 201 ? { location: locationOf(kind, id) } : {}),
  }
  return { status, headers, body }
}

export function getItem<Value>(kind: Kind<Value>, context: AdminContext, id: string): Answer {
  const { table, revision } = context.control.current
  const value = kind.get(table, id)
  if (value === undefined) throw unknown(kind, id)
  const headers = {
    etag: entityTag(kind.known(value).revision),
    'turnout-revision': String(revision.number),
  }
  return { status: 200, headers, body: kind.answer(value, table) }
}

/** `POST` to the list: 201, or 409 when the id is taken. */
export async function createItem<Value>(
  kind: Kind<Value>,
  request: EditRequest,
  input: Json,
): Promise<Answer> {
  const value = parsed(kind, input)
  const items = (table: Table) => {
    demandWrite(kind, request.identity, [value])
    const there = kind.get(table, kind.known(value).id)
    if (there !== undefined) throw exists(kind, value, there)
    return [kind.put([value])]
  }
  const reason = `create the ${kind.noun} ${kind.known(value).id}`
  const published = await publish({ ...request, reason, items })
  return answerOf(kind, request, value, 201, published)
}

/** `PUT`: replaces what is there; makes it new only where `If-None-Match: *`, or `mayCreate`, says that it may. */
export async function putItem<Value>(
  kind: Kind<Value>,
  request: EditRequest,
  id: string,
  input: Json,
  mayCreate: boolean = request.match.isNew,
): Promise<Answer> {
  const value = parsed(kind, input, id)
  let isNew = false
  const items = (table: Table) => {
    const there = kind.get(table, id)
    demandWrite(kind, request.identity, there === undefined ? [value] : [there, value])
    isNew = there === undefined
    if (there === undefined) {
      if (!mayCreate) throw unknown(kind, id)
    } else demandChange(kind, request, there)
    return [kind.put([value])]
  }
  const published = await publish({ ...request, reason: `put the ${kind.noun} ${id}`, items })
  return answerOf(kind, request, value, isNew ? 201 : 200, published)
}

const demandChange = <Value>(kind: Kind<Value>, request: EditRequest, there: Value): void => {
  demandOwner(kind.known(there), adminOwner)
  demandMatch(kind.known(there), request.match, request.query.force === true)
}

/** `{"enabled": ...}` and nothing else: what may be said of a route of any owner. */
const switchOf = ({ noun }: { readonly noun: string }, patch: Item): boolean | null => {
  const { enabled, ...rest } = patch
  if (noun !== 'route' || Object.keys(rest).length > 0) return null
  return typeof enabled === 'boolean' ? enabled : null
}

/** `PATCH`: a merge patch on the item as it was authored. A route of another owner can be switched off and on. */
export async function patchItem<Value>(
  kind: Kind<Value>,
  request: EditRequest,
  id: string,
  patch: Item,
): Promise<Answer> {
  const wanted = switchOf(kind, patch)
  let value: Value | null = null
  const items = (table: Table) => {
    const there = kind.get(table, id)
    if (there === undefined) throw unknown(kind, id)
    demandWrite(kind, request.identity, [there])
    demandMatch(kind.known(there), request.match, request.query.force === true)
    const isOwn = kind.known(there).owner === adminOwner
    const isOff = getKey(table.switchedOff, id) !== undefined
    const switches = wanted === null ? [] : [{ route: id, enabled: wanted }]
    value = there
    if (!isOwn && wanted !== null) return [editOf({ switches })]
    demandOwner(kind.known(there), adminOwner)
    value = parsed(kind, mergePatch(kind.render(there), patch), id)
    demandWrite(kind, request.identity, [value])
    // What was switched off by hand would stay off, whatever the route itself says.
    const isOnAgain = wanted === true && isOff
    return [isOnAgain ? { ...kind.put([value]), switches } : kind.put([value])]
  }
  const published = await publish({ ...request, reason: `patch the ${kind.noun} ${id}`, items })
  return answerOf(kind, request, value!, 200, published)
}

export async function deleteItem<Value>(
  kind: Kind<Value>,
  request: EditRequest,
  id: string,
  isMatchNeeded = true,
): Promise<Answer> {
  const items = (table: Table) => {
    const there = kind.get(table, id)
    if (there === undefined) throw unknown(kind, id)
    demandWrite(kind, request.identity, [there])
    demandOwner(kind.known(there), adminOwner)
    demandMatch(kind.known(there), request.match, request.query.force === true || !isMatchNeeded)
    return [kind.remove([id])]
  }
  const published = await publish({ ...request, reason: `delete the ${kind.noun} ${id}`, items })
  return { status: 204, headers: { 'turnout-revision': String(published.revision) } }
}
