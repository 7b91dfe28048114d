import { TurnoutError, type Problem } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { readPlan } from '../core/rollout/plan-parse.ts'
import type { Plan } from '../core/rollout/plan.ts'
import { isVersion } from '../core/version/version.ts'
import type { RolloutStart } from '../control/rollouts.ts'
import { adminOwner } from './context.ts'
import { loadUploads } from './deploy.ts'
import { demandWrite } from './edit-item.ts'
import { routeKind, upstreamKind, type Kind } from './kinds.ts'
import { demandOwner } from './precondition.ts'
import { inputProblem, invalidInput } from './refusal.ts'
import type { AdminRequest } from './resource.ts'
import { mayCall } from './scope.ts'
import type { ModuleUpload } from './upload.ts'

type StartRequest = AdminRequest<'startRollout'>

/** What a request asks to be rolled out, and by which plan. */
export interface WantedRollout {
  readonly what: RolloutStart
  /** Null: the default plan. */
  readonly plan: Plan | null
  /** For the history, where the request gives none. */
  readonly reason: string
}

/**
 * Reads the body of a start, and checks that its author may change what it is about. Rejects with every problem, each
 * at its place in the body.
 */
export async function readStart(request: StartRequest): Promise<WantedRollout> {
  const { context, body, identity } = request
  const { route, upstream } = body
  if (route === undefined && upstream === undefined && !mayCall(identity.scopes, 'deploy'))
    throw new TurnoutError('TURNOUT_SCOPE_MISSING', { what: 'roll out modules' })
  const problems: Problem[] = []
  const plan = readPlanOf(body.plan, problems)
  const read = (): RolloutStart | null => {
    if (route !== undefined) {
      const value = readItem(routeKind(context), route, '/route', problems)
      return value === null ? null : { kind: 'route', route: value }
    }
    if (upstream !== undefined) {
      const value = readItem(upstreamKind(context), upstream, '/upstream', problems)
      return value === null ? null : { kind: 'upstream', upstream: value }
    }
    return body.module === undefined ? null : readNamed(body.module, problems)
  }
  let what = read()
  if (problems.length > 0) throw invalidInput(problems)
  // Last, because it takes longest.
  what ??= {
    kind: 'loaded',
    loaded: (await loadUploads(context, [body as ModuleUpload], null))[0]!,
  }
  if (what.kind === 'route') demandOwn(routeKind(context), request, what.route)
  if (what.kind === 'upstream') demandOwn(upstreamKind(context), request, what.upstream)
  return { what, plan, reason: `roll out ${nameOf(what)}` }
}

function readPlanOf(value: Json | undefined, problems: Problem[]): Plan | null {
  return value === undefined ? null : (readPlan({ value, pointer: '/plan', problems }) ?? null)
}

function readItem<Value>(
  kind: Kind<Value>,
  input: Json,
  pointer: string,
  problems: Problem[],
): Value | null {
  const { value, problems: found } = kind.parse(input, { owner: adminOwner, pointer })
  problems.push(...(found ?? []))
  return value
}

/** `users@2.0.0`; a name may begin with an @ of its own. */
function readNamed(text: string, problems: Problem[]): RolloutStart | null {
  const at = text.lastIndexOf('@')
  const version = text.slice(at + 1)
  if (at > 0 && isVersion(version)) return { kind: 'module', module: text.slice(0, at), version }
  problems.push(inputProblem('expected NAME@VERSION, such as users@2.0.0', '/module'))
  return null
}

/** As an edit of the item would be: both as it is and as it will be. */
function demandOwn<Value>(
  kind: Kind<Value>,
  { context, identity }: StartRequest,
  value: Value,
): void {
  const there = kind.get(context.control.current.table, kind.known(value).id)
  demandWrite(kind, identity, there === undefined ? [value] : [there, value])
  if (there !== undefined) demandOwner(kind.known(there), adminOwner)
}

function nameOf(what: RolloutStart): string {
  switch (what.kind) {
    case 'module':
      return `${what.module} ${what.version}`
    case 'loaded':
      return `${what.loaded.reference.name} ${what.loaded.reference.version}`
    case 'route':
      return `the route ${what.route.id}`
    case 'upstream':
      return `the upstream ${what.upstream.name}`
    default:
      return what satisfies never
  }
}
