// One server for all cases, in a process of its own: prints its port on standard error.
import { parseRoute } from '../../src/core/route/parse.ts'
import type { Route } from '../../src/core/route/route.ts'
import { openProxy } from '../../test/proxy/support/proxy.ts'

const versions = ['1.0.0', '1.2.0', '2.0.0', '3.0.0']

const routeOf = (path: string, parts: object, at: number): Route => {
  const target = {
    respond: { status: 200, headers: { 'content-type': 'text/plain' }, body: 'served' },
  }
  const definition = { id: `${path} ${at}`, methods: ['GET'], path, target, ...parts }
  const { route } = parseRoute(definition, { owner: 'admin', pointer: '' })
  if (route === null) throw new Error(`${path} is not valid`)
  return route
}

const key = { kind: 'cookie', name: 'user' }
const routes = [
  routeOf('/plain', {}, 0),
  ...versions.flatMap((version, at) => [
    routeOf('/versions', { version }, at),
    routeOf('/weights', { version, weight: { group: 'w', weight: 25 } }, at),
    routeOf('/users', { version, weight: { group: 'u', weight: 25, key } }, at),
  ]),
]
// Nobody ends it but whoever started this process.
const proxy = await openProxy({ after: () => undefined } as never, routes)
process.stderr.write(`${proxy.port}\n`)
