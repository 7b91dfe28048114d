import type { Json } from './core/json.ts'
import { entriesFrom, getKey } from './core/persistent-map.ts'
import { placingsOf } from './core/route/conflict.ts'
import type { Facts } from './core/route/facts.ts'
import { findServing } from './core/route/find.ts'
import { shown } from './core/route/input.ts'
import { renderTarget } from './core/route/target-parse.ts'
import type { Table } from './core/route/table.ts'
import { explainRoute, type Explanation } from './core/router/explain.ts'
import { findRoute } from './core/router/lookup.ts'
import type { PathOptions } from './core/router/path.ts'
import { buildRouter } from './core/router/router.ts'
import { problem } from './core/errors.ts'
import type { Asking } from './core/version/asking.ts'
import type { ExplainedChoice } from './core/version/explain-choice.ts'
import { isGone } from './core/version/lifecycle.ts'
import { Question } from './core/version/question.ts'

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
  /** Where its version is in its life; null: nothing is said of it. */
  readonly state: string | null
  /** It answers 410. */
  readonly isGone: boolean
}

/** What is answered where the version that was asked for is none, or no route has it. */
export interface ProbedRefusal {
  readonly code: string
  readonly detail: string
  /** Those that may be asked for. */
  readonly versions: readonly string[]
}

/** Which route would serve a request, why, and what came nearest. */
export type Probed = Explanation & {
  readonly route: ProbedRoute | null
  /** Why it serves and not another of its place; null: there was nothing to choose. */
  readonly choice: ExplainedChoice | null
  readonly refusal: ProbedRefusal | null
  /** Ids of routes that would fit path and method, but were switched off by hand; the first few. */
  readonly switchedOff: readonly string[]
}

/** Asks a table; nothing is served. */
export function probeTable(
  table: Table,
  probe: Probe,
  options: PathOptions,
  asking: Asking,
): Probed {
  const facts = factsOf(probe)
  const { method } = probe
  const { router } = table
  const now = Date.now()
  const clock = (): number => now
  const question = new Question(router, facts, now, asking)
  const explanation = explainRoute(router, method, facts.target, options, (leaf) =>
    question.take(leaf),
  )
  const found = findServing(router, method, facts.target, options, facts, clock, asking)
  const switchedOff = offFor(table, method, facts.target, options)
  const nothing = { route: null, choice: null, refusal: null, switchedOff }
  if (found.kind === 'refused') {
    const { code, version, versions } = found
    const detail = problem(code, { version: shown(version) }).message
    return { ...explanation, ...nothing, refusal: { code, detail, versions } }
  }
  if (found.kind !== 'match') return { ...explanation, ...nothing }
  const { id, owner, target, selection, lifecycle, revision } = found.value
  const module = target.kind === 'module' ? target.module : null
  const version =
    (module === null ? undefined : getKey(table.modules, module)?.version) ??
    selection?.version ??
    null
  const route = {
    id,
    owner,
    target: renderTarget(target),
    module,
    version,
    revision,
    state: lifecycle?.state ?? null,
    isGone: isGone(lifecycle, now),
  }
  const choice = found.told instanceof Question ? found.told.explain() : null
  return { ...explanation, ...nothing, route, choice }
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
