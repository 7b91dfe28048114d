import type { Json } from './core/json.ts'
import { entriesFrom, getKey } from './core/persistent-map.ts'
import { chooserOf } from './core/route/choice.ts'
import { placingsOf } from './core/route/conflict.ts'
import type { Facts } from './core/route/facts.ts'
import { findServing } from './core/route/find.ts'
import { renderTarget } from './core/route/target-parse.ts'
import type { Table } from './core/route/table.ts'
import { explainRoute, type Explanation } from './core/router/explain.ts'
import { findRoute } from './core/router/lookup.ts'
import type { PathOptions } from './core/router/path.ts'
import { buildRouter } from './core/router/router.ts'

/** A request to be explained. */
export interface Probe {
  readonly method: string
  /** A path, or a URL whose host is asked for. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Address of the client. */
  readonly from?: string | undefined
}

/** The route of a match. */
export interface ProbedRoute {
  readonly id: string
  readonly owner: string
  readonly target: Json
  /** Module and its version, where a module serves. */
  readonly module: string | null
  readonly version: string | null
  readonly revision: number
}

/** Which route would serve a request, why, and what came nearest. */
export type Probed = Explanation & {
  readonly route: ProbedRoute | null
  /** Ids of routes that would fit path and method, but were switched off by hand; the first few. */
  readonly switchedOff: readonly string[]
}

/** Asks a table; nothing is served. */
export function probeTable(table: Table, probe: Probe, options: PathOptions): Probed {
  const facts = factsOf(probe)
  const { router } = table
  const choose = chooserOf(router, facts, Date.now)
  const explanation = explainRoute(router, probe.method, facts.target, options, choose)
  const found = findServing(router, probe.method, facts.target, options, facts, Date.now)
  const switchedOff = offFor(table, probe.method, facts.target, options)
  if (found.kind !== 'match') return { ...explanation, route: null, switchedOff }
  const { id, owner, target, selection, revision } = found.value
  const module = target.kind === 'module' ? target.module : null
  const version =
    (module === null ? undefined : getKey(table.modules, module)?.version) ??
    selection?.version ??
    null
  const route = { id, owner, target: renderTarget(target), module, version, revision }
  return { ...explanation, route, switchedOff }
}

const maxOff = 10

/** Looks at each route that is off: there are few, and nobody serves while it is asked. */
function offFor(
  table: Table,
  method: string,
  target: string,
  options: PathOptions,
): readonly string[] {
  const found: string[] = []
  for (const [id] of entriesFrom(table.switchedOff)) {
    const route = getKey(table.routes, id)
    if (route === undefined) continue
    const placings = placingsOf(route).placings.map((one) => ({ ...one, value: id }))
    if (findRoute(buildRouter(placings), method, target, options).kind === 'match') found.push(id)
    if (found.length >= maxOff) break
  }
  return found
}

function factsOf({ url, headers = {}, from }: Probe): Facts {
  const absolute = /^https?:\/\/([^/?#]*)([^#]*)/i.exec(url)
  const authority = absolute?.[1]
  const rest = absolute?.[2] ?? url
  const fields = new Map(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
  if (authority !== undefined && !fields.has('host')) fields.set('host', authority)
  return {
    header: (name) => fields.get(name),
    remoteAddress: () => from ?? '127.0.0.1',
    target: rest.startsWith('/') ? rest : `/${rest}`,
  }
}
