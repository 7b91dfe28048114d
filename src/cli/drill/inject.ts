import type { AdminClient } from '../../admin/client.ts'
import type { ChangeRequest, Item, PublishAnswer, RouteItem } from '../../admin/answers.ts'
import { sameJson } from '../../core/same-json.ts'
import { demand, RefusedError } from '../instance/reach.ts'
import { usualFault, type Fault, type Step } from './drill.ts'
import { persist } from './persist.ts'

/** A fault that stands in front of routes. */
export interface Injected {
  readonly revision: number
  /** When the instance takes it back by itself: milliseconds since the epoch, by the clock here. */
  readonly confirmBy: number
}

/** How a fault went away; `revision` null: it was gone already. */
export interface TakenBack {
  readonly revision: number | null
  /** Routes that somebody else changed meanwhile: they keep that change, and lose the fault. */
  readonly changed: readonly string[]
}

/** So much longer than its step a fault may stay, should the drill die. */
const graceMs = 5_000
/** Most times that somebody else may come between looking at routes and changing them. */
const mostRaces = 5

/** The change that puts a fault in front of the own filters of routes. */
export function faultChange(
  routes: readonly RouteItem[],
  { name, fault }: Step,
  basedOn: number,
): ChangeRequest {
  const put = routes.map((route) => ({ ...route, filters: [said(fault), ...filtersOf(route)] }))
  return { routes: { put }, based_on: basedOn, reason: `drill: ${name}` }
}

/** Routes as they are, with a revision after which none of them was touched unseen. */
export async function lookAt(
  client: AdminClient,
  ids: readonly string[],
): Promise<{ readonly basedOn: number; readonly routes: readonly RouteItem[] }> {
  const basedOn = (await demand(client.status())).body.revision
  const routes: RouteItem[] = []
  for (const id of ids) routes.push((await demand(client.getRoute({ params: { id } }))).body)
  return { basedOn, routes }
}

/** Puts the fault of a step in front of its routes, in one revision that takes itself back after the step. */
export async function inject(client: AdminClient, step: Step): Promise<Injected> {
  const withinMs = Math.ceil((step.forMs + graceMs) / 1_000) * 1_000
  const query = { confirmWithin: `${withinMs / 1_000}s` }
  const confirmBy = Date.now() + withinMs
  const { revision } = await raced(async () => {
    const { basedOn, routes } = await lookAt(client, step.routes)
    return client.change({ body: faultChange(routes, step, basedOn), query })
  })
  return { revision, confirmBy }
}

/**
 * Takes the fault of a step back, and nothing else: first the revision as a whole, then, where somebody has changed a
 * route since, the filter alone. Goes on for some seconds where the instance does not answer.
 *
 * @param injected Null: it is not known whether the fault was published.
 */
export function takeBack(
  client: AdminClient,
  step: Step,
  injected: Injected | null,
): Promise<TakenBack> {
  const reason = `drill: end of ${step.name}`
  return persist(async () => {
    let revision: number | null = null
    if (injected !== null) {
      const params = { number: String(injected.revision) }
      const result = await client.takeBack({ params, query: { reason } })
      if (result.ok) ({ revision } = result.body)
      else if (result.problem.code !== 'TURNOUT_CONFIRM_LATE') throw new RefusedError(result)
    }
    const changed: string[] = []
    const stripped = await raced(async () => {
      const { basedOn, routes } = await lookAtThose(client, step.routes)
      const put = routes.flatMap((route) => withoutFault(route, step.fault) ?? [])
      changed.splice(0, changed.length, ...put.map(({ id }) => id))
      return put.length === 0
        ? null
        : client.change({ body: { routes: { put }, based_on: basedOn, reason } })
    })
    return { revision: stripped?.revision ?? revision, changed }
  })
}

/** Routes that are still there. */
async function lookAtThose(client: AdminClient, ids: readonly string[]): ReturnType<typeof lookAt> {
  const basedOn = (await demand(client.status())).body.revision
  const routes: RouteItem[] = []
  for (const id of ids) {
    const result = await client.getRoute({ params: { id } })
    if (result.ok) routes.push(result.body)
    else if (result.problem.code !== 'TURNOUT_ITEM_UNKNOWN') throw new RefusedError(result)
  }
  return { basedOn, routes }
}

type Changed = Awaited<ReturnType<AdminClient['change']>>

/** Looks and changes again where somebody came between. */
async function raced(attempt: () => Promise<Changed>): Promise<PublishAnswer>
async function raced(attempt: () => Promise<Changed | null>): Promise<PublishAnswer | null>
async function raced(attempt: () => Promise<Changed | null>): Promise<PublishAnswer | null> {
  for (let races = 0; ; races += 1) {
    const result = await attempt()
    if (result === null) return null
    if (result.ok) return result.body as PublishAnswer
    if (result.problem.code !== 'TURNOUT_ITEM_CHANGED' || races >= mostRaces)
      throw new RefusedError(result)
  }
}

const filtersOf = (route: RouteItem): readonly Item[] =>
  (route['filters'] as readonly Item[] | undefined) ?? []

/** The route without the fault in front; null where that is not there, or not this one. */
function withoutFault(route: RouteItem, fault: Fault): RouteItem | null {
  const [first, ...filters] = filtersOf(route)
  const isOurs =
    first?.['kind'] === 'fault' &&
    sameJson({ ...usualFault, ...first }, { ...usualFault, ...said(fault) })
  return isOurs ? { ...route, filters } : null
}

/** As an author writes it: without what a step leaves out. */
function said({ kind, delayMs, delayPercent, abortStatus, abortPercent }: Fault): Item {
  return {
    kind,
    ...(delayMs > 0 && { delayMs, delayPercent }),
    ...(abortStatus > 0 && { abortStatus, abortPercent }),
  }
}
