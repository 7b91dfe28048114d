import type { AdminClient } from '../../admin/client.ts'
import type { PlanAnswer, RouteItem } from '../../admin/answers.ts'
import { problem, type Problem } from '../../core/errors.ts'
import { problemFrom, problemsOf, RefusedError } from '../instance/reach.ts'
import type { Step } from './drill.ts'
import { faultChange, lookAt } from './inject.ts'

/** Only what was made through the admin API: the next proposal of a source would undo the fault, or keep it. */
const drilledOwner = 'admin'

/**
 * Asks the instance of every step, before any: whether its routes are there and may be changed so.
 *
 * @returns every problem, with a pointer into the drill.
 */
export async function checkSteps(
  client: AdminClient,
  steps: readonly Step[],
): Promise<readonly Problem[]> {
  const problems: Problem[] = []
  for (const [at, step] of steps.entries()) {
    const found = await checkRoutes(client, step, `/steps/${at}`)
    problems.push(...(found.length > 0 ? found : await checkPlan(client, step, `/steps/${at}`)))
  }
  return problems
}

async function checkRoutes(
  client: AdminClient,
  { routes }: Step,
  pointer: string,
): Promise<readonly Problem[]> {
  const problems: Problem[] = []
  for (const [at, id] of routes.entries()) {
    const place = { pointer: `${pointer}/routes/${at}` }
    const result = await client.getRoute({ params: { id } })
    if (!result.ok) {
      const { code, detail } = result.problem
      if (code !== 'TURNOUT_ITEM_UNKNOWN') throw new RefusedError(result)
      problems.push({ code, message: detail, ...place })
    } else if (result.body.owner !== drilledOwner) {
      const values = { item: id, owner: result.body.owner }
      problems.push(problem('TURNOUT_OWNER_DIFFERS', values, place))
    } else if (isOff(result.body)) {
      problems.push(problem('TURNOUT_DRILL_ROUTE_OFF', { route: id }, place))
    }
  }
  return problems
}

const isOff = (route: RouteItem): boolean =>
  route['switchedOff'] === true || route['enabled'] === false

async function checkPlan(
  client: AdminClient,
  step: Step,
  pointer: string,
): Promise<readonly Problem[]> {
  const { basedOn, routes } = await lookAt(client, step.routes)
  const body = faultChange(routes, step, basedOn)
  const result = await client.change({ body, query: { dryRun: true } })
  const found = result.ok
    ? (result.body as PlanAnswer).problems.map((one) => problemFrom(one))
    : problemsOf(result, null)
  return found.map((one) => ({ ...one, pointer: pointerOf(pointer, one.pointer) }))
}

/** `/routes/put/1/filters/0/...` of the change is the fault of the step; anything else there is its route. */
function pointerOf(pointer: string, inChange: string | undefined): string {
  const [, at, rest = ''] = /^\/routes\/put\/(\d+)(\/.*)?$/.exec(inChange ?? '') ?? []
  if (at === undefined) return pointer
  return rest.startsWith('/filters/0') ? `${pointer}/fault` : `${pointer}/routes/${at}`
}
