import assert from 'node:assert/strict'
import type { Facts } from '../../../../src/core/route/facts.ts'
import { findServing, type Served } from '../../../../src/core/route/find.ts'
import { parseRoute } from '../../../../src/core/route/parse.ts'
import type { Route } from '../../../../src/core/route/route.ts'
import { addRoutes, emptyTable, type Table } from '../../../../src/core/route/table.ts'
import { compileAsking, usualAsking, type Asking } from '../../../../src/core/version/asking.ts'

/** A route from a definition in our own shape; it answers with its id. */
export function routeOf(definition: object): Route {
  const target = { respond: { status: 200, body: (definition as { id: string }).id } }
  const { route, problems } = parseRoute(
    { path: '/a', methods: ['GET'], target, ...definition },
    { owner: 'admin', pointer: '' },
  )
  assert.deepEqual(problems ?? [], [])
  return route!
}

export function tableOf(definitions: readonly object[]): Table {
  const { table, refusals } = addRoutes(emptyTable, definitions.map(routeOf))
  assert.deepEqual(
    refusals.map(({ problem }) => problem.message),
    [],
  )
  return table
}

/** A request as data. */
export interface Request {
  readonly method?: string
  readonly target?: string
  readonly fields?: Readonly<Record<string, string>>
  readonly from?: string
  readonly now?: number
}

export const factsOf = ({ target = '/a', fields = {}, from = '10.0.0.1' }: Request): Facts => ({
  header: (name) => fields[name],
  remoteAddress: () => from,
  target,
})

const usual = compileAsking(usualAsking)

export function serve({ router }: Table, request: Request, asking: Asking = usual): Served {
  const { method = 'GET', target = '/a', now = 0 } = request
  return findServing(router, method, target, {}, factsOf(request), () => now, asking)
}

/** The id of the route that serves, or what is found instead. */
export function servedId(table: Table, request: Request, asking: Asking = usual): string {
  const found = serve(table, request, asking)
  if (found.kind === 'match') return found.value.id
  return found.kind === 'refused' ? found.code : found.kind
}
