import * as z from 'zod'
import { problem, TurnoutError, type Problem } from '../../core/errors.ts'
import type { ChangeItem } from '../../control/change.ts'
import { createBreathing } from '../../store/breathe.ts'
import { maxProblems } from '../../core/route/input.ts'
import { getKey } from '../../core/persistent-map.ts'
import type { Table } from '../../core/route/table.ts'
import { planAnswer, publishAnswer } from '../answer-schemas.ts'
import type { Item } from '../answers.ts'
import { tooLarge } from '../change-size.ts'
import { adminOwner } from '../context.ts'
import { demandWrite } from '../edit-item.ts'
import type { Identity } from '../identity.ts'
import { routeKind, upstreamKind, type Kind } from '../kinds.ts'
import { jsonType } from '../media.ts'
import { demandModule, deployItem, loadUploads } from '../deploy.ts'
import { demandOwner } from '../precondition.ts'
import { changeSetOf, editOf, publish, type Edit } from '../publish.ts'
import { inputProblem, invalidInput, refusal } from '../refusal.ts'
import { planOf } from '../render.ts'
import type { AdminRequest, Answer, Resources } from '../resource.ts'
import { changeBody, changeSetQuery } from '../schemas.ts'
import { mayCall } from '../scope.ts'

/** Several objects in one revision: all of it, or nothing. */
export const changeResources: Pick<Resources, 'change'> = {
  change: {
    summary: 'Change several objects in one revision; ?dryRun=true only plans it',
    scope: 'change',
    query: changeSetQuery,
    body: {
      types: [jsonType],
      schema: changeBody,
      // Modules are large; who may not send any has no use for the room.
      limit: ({ scopes }) => (mayCall(scopes, 'deploy') ? 32 : 1) * 1024 * 1024,
    },
    answers: { 200: z.union([publishAnswer, planAnswer]) },
    refusals: [
      'TURNOUT_INPUT_INVALID',
      'TURNOUT_ROUTE_CONFLICT',
      'TURNOUT_OWNER_DIFFERS',
      'TURNOUT_ROLLOUT_RUNNING',
      'TURNOUT_ITEM_CHANGED',
      'TURNOUT_MATCH_MISSING',
      'TURNOUT_ITEM_UNKNOWN',
    ],
    handle: change,
  },
}

interface Parsed<Value> {
  readonly kind: Kind<Value>
  readonly put: readonly Value[]
  readonly remove: readonly string[]
}

async function change(request: AdminRequest<'change'>): Promise<Answer> {
  const { context, identity, body, query } = request
  const problems: Problem[] = []
  const routes = await parseEdits(routeKind(context), body.routes, '/routes', problems)
  const upstreams = await parseEdits(upstreamKind(context), body.upstreams, '/upstreams', problems)
  if (problems.length === 0) problems.push(...tooLarge(routes.put, '/routes/put'))
  const { put = [], remove = [] } = body.modules ?? {}
  problems.push(...switchedGone(body))
  if (problems.length > 0) throw invalidInput(problems)
  const isDeploy = put.length > 0 || remove.length > 0
  if (isDeploy && !mayCall(identity.scopes, 'deploy'))
    throw new TurnoutError('TURNOUT_SCOPE_MISSING', { what: 'deploy modules' })
  const loaded = await loadUploads(context, put, '/modules/put', query.dryRun === true)

  const items = (table: Table): readonly ChangeItem[] => {
    const demand = demandUntouched(request)
    const edit = mergeEdits(
      editsOf(routes, table, identity, demand),
      editsOf(upstreams, table, identity, demand),
      editOf({ switches: switchesOf(request, table) }),
    )
    for (const { reference } of loaded) {
      const there = getKey(table.modules, reference.name)
      if (there === undefined) continue
      demandOwner({ ...there, id: there.name }, reference.owner)
      demand({ id: there.name, revision: there.revision })
    }
    const isEdit = Object.values(edit).some((part) => Array.isArray(part) && part.length > 0)
    return [
      ...loaded.map((module) => deployItem(module)),
      ...remove.map((name) => {
        const there = demandModule(table, name)
        demand({ id: name, revision: there.revision })
        return { kind: 'remove', owner: there.owner } as const
      }),
      ...(isEdit ? [edit] : []),
    ]
  }
  const reason = query.reason ?? body.reason ?? 'change set'
  const wanted = { context, identity, query, reason, items }
  if (query.dryRun === true) {
    const plan = await context.control.plan(changeSetOf(wanted))
    return { status: 200, body: planOf(plan) }
  }
  const published = await publish(wanted)
  return {
    status: 200,
    headers: { 'turnout-revision': String(published.revision) },
    body: published,
  }
}

/** Reads on while everybody else is served: a change set may be long, and its expressions take time to compile. */
const parseEdits = async <Value>(
  kind: Kind<Value>,
  edits:
    | {
        readonly put?: readonly Item[] | undefined
        readonly remove?: readonly string[] | undefined
      }
    | undefined,
  pointer: string,
  problems: Problem[],
): Promise<Parsed<Value>> => {
  const breathe = createBreathing()
  const put: Value[] = []
  for (const [at, input] of (edits?.put ?? []).entries()) {
    if (problems.length >= maxProblems) break
    const place = { owner: adminOwner, pointer: `${pointer}/put/${at}` }
    const { value, problems: found } = kind.parse(input, place)
    if (value === null) problems.push(...found!.slice(0, maxProblems - problems.length))
    else put.push(value)
    await breathe()
  }
  const remove = edits?.remove ?? []
  const ids = [...put.map((value) => kind.known(value).id), ...remove]
  const seen = new Set<string>()
  const twice = ids.find((id) => seen.size === seen.add(id).size)
  if (twice !== undefined)
    problems.push(
      problem('TURNOUT_INPUT_VALUE', { pointer, reason: `${twice} stands twice` }, { pointer }),
    )
  return { kind, put, remove }
}

/** What may be said of an item that is there. */
type Demand = (known: { readonly id: string; readonly revision: number }) => void

/** Items that are there may be changed by who has seen their newest state: `based_on`, or `?force=true`. */
const demandUntouched = ({ body, query, context }: AdminRequest<'change'>): Demand => {
  const { based_on: basedOn } = body
  const current = context.control.current.revision.number
  if (basedOn !== undefined && basedOn > current)
    throw new TurnoutError('TURNOUT_REVISION_UNKNOWN', { revision: basedOn })
  return ({ id, revision }) => {
    const headers = { 'turnout-revision': String(current) }
    if (basedOn === undefined) {
      // A plan is how the revision to base on is learned.
      if (query.force !== true && query.dryRun !== true)
        throw refusal('TURNOUT_BASE_MISSING', { id, revision }, headers)
    } else if (revision > basedOn) {
      throw refusal('TURNOUT_ITEM_CHANGED', { id, revision }, headers)
    }
  }
}

const editsOf = <Value>(
  { kind, put, remove }: Parsed<Value>,
  table: Table,
  identity: Identity,
  demand: Demand,
): Edit => {
  demandWrite(kind, identity, put)
  const removed = new Set(remove)
  const touched = [...put.map((value) => kind.known(value).id), ...remove].map(
    (id) => [id, kind.get(table, id)] as const,
  )
  for (const [id, there] of touched) {
    if (there !== undefined) {
      demandWrite(kind, identity, [there])
      demandOwner(kind.known(there), adminOwner)
      demand(kind.known(there))
    } else if (removed.has(id)) {
      throw new TurnoutError('TURNOUT_ITEM_UNKNOWN', { noun: kind.noun, id })
    }
  }
  return mergeEdits(kind.put(put), kind.remove(remove))
}

const mergeEdits = (...edits: readonly Edit[]): Edit =>
  editOf({
    putRoutes: edits.flatMap((edit) => edit.putRoutes),
    removeRoutes: edits.flatMap((edit) => edit.removeRoutes),
    putUpstreams: edits.flatMap((edit) => edit.putUpstreams),
    removeUpstreams: edits.flatMap((edit) => edit.removeUpstreams),
    switches: edits.flatMap((edit) => edit.switches),
  })

/** A switch would outlive the route that the same change removes, and meet the next one of its id, whoever adds it. */
const switchedGone = ({ routes, disable = [] }: AdminRequest<'change'>['body']): Problem[] => {
  const removed = new Set(routes?.remove)
  return disable.flatMap((id, at) =>
    removed.has(id) ? [inputProblem('the route is removed', `/disable/${at}`)] : [],
  )
}

/** Switching a route off and on again loses nothing of anybody's, so it needs no state that was looked at. */
const switchesOf = (
  { body, identity, context }: AdminRequest<'change'>,
  table: Table,
): Edit['switches'] => {
  const kind = routeKind(context)
  const wanted = [
    ...(body.enable ?? []).map((route) => ({ route, enabled: true })),
    ...(body.disable ?? []).map((route) => ({ route, enabled: false })),
  ]
  const put = new Set((body.routes?.put ?? []).map((input) => input['id']))
  for (const { route } of wanted) {
    const there = kind.get(table, route)
    if (there !== undefined) demandWrite(kind, identity, [there])
    else if (!put.has(route))
      throw new TurnoutError('TURNOUT_ITEM_UNKNOWN', { noun: 'route', id: route })
  }
  return wanted
}
