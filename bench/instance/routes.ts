import type { Json } from '../../src/core/json.ts'
import { parseRoute } from '../../src/core/route/parse.ts'
import type { Route } from '../../src/core/route/route.ts'

/** The routes of the benches: one static path each, answered with a text that says which content it is. */
export const idAt = (at: number): string => `route-${at}`

export const pathAt = (at: number): string => `/t/t${at % 1000}/svc/s${at}`

/** As it is sent to the admin API. */
export const definitionAt = (at: number, body: string): { readonly [key: string]: Json } => ({
  methods: ['GET'],
  path: pathAt(at),
  target: { respond: { status: 200, body } },
})

export function routeAt(at: number, body: string): Route {
  const place = { owner: 'admin', id: idAt(at), pointer: '' }
  const { route, problems } = parseRoute(definitionAt(at, body), place)
  if (route === null) throw new Error(JSON.stringify(problems))
  return route
}
