// One proxy, one process: `node-proxy.js NAME URL...` listens on free ports, prints them, and forwards all it is
// asked to the URLs. Each in the form its own documentation recommends, with connections to the upstream kept.
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { NodeProxyName } from './names.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

const serve = (answer: Answer): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer((request, response) => void answer(request, response))
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })

const agent = (): Agent => new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 })

const start: Readonly<
  Record<NodeProxyName, (urls: readonly string[]) => Promise<number | number[]>>
> = {
  turnout: async (urls) => {
    const [{ createTurnout }, { createAdminClient }, { mkdtempSync, rmSync }, { tmpdir }] =
      await Promise.all([
        import('../../src/index.ts'),
        import('../../src/admin/client.ts'),
        import('node:fs'),
        import('node:os'),
      ])
    // Of idle connections, 80 % of what may be open are kept.
    const turnout = createTurnout({ logger: false, limits: { connections: 20_000 } })
    const directory = mkdtempSync(`${tmpdir()}/turnout-bench-`)
    const admin = await turnout.admin({ port: 0, directory })
    const client = createAdminClient({ url: admin.url, token: admin.firstToken.token })
    const isOne = urls.length === 1
    const upstreams = isOne ? [] : [{ name: 'many', endpoints: urls }]
    const target = isOne ? { uri: urls[0]! } : { upstream: 'many' }
    const routes = [{ id: 'all', path: '/:name', target }]
    const changed = await client.change({
      body: { upstreams: { put: upstreams }, routes: { put: routes }, reason: 'bench' },
    })
    if (!changed.ok) throw new Error(changed.problem.detail)
    await admin.close(0)
    rmSync(directory, { recursive: true, force: true })
    const listen = async (): Promise<number> =>
      (await turnout.listen({ host: '127.0.0.1', port: 0 })).port
    // A listener takes a third of the files that the process may have, and more than one may be needed for that.
    return isOne ? listen() : [await listen(), await listen()]
  },
  'http-proxy-3': async ([target]) => {
    const { createProxyServer } = await import('http-proxy-3')
    const proxy = createProxyServer({ target: target!, agent: agent() })
    return serve((request, response) => proxy.web(request, response))
  },
  httpxy: async ([target]) => {
    const { createProxyServer } = await import('httpxy')
    const proxy = createProxyServer({ target: target!, agent: agent() })
    return serve((request, response) => proxy.web(request, response))
  },
  'fast-proxy': async ([base]) => {
    const { default: fastProxy } = await import('fast-proxy')
    const forwarder = fastProxy({ base: base!, maxSockets: 256 })
    return serve((request, response) => forwarder.proxy(request, response, request.url!, {}))
  },
  '@fastify/http-proxy': async ([upstream]) => {
    const [{ fastify }, { default: httpProxy }] = await Promise.all([
      import('fastify'),
      import('@fastify/http-proxy'),
    ])
    const app = fastify()
    await app.register(httpProxy, { upstream: upstream! })
    await app.listen({ host: '127.0.0.1', port: 0 })
    return (app.server.address() as AddressInfo).port
  },
}

const [name, ...urls] = process.argv.slice(2)
const ports = [await start[name as NodeProxyName](urls)].flat()
process.stderr.write(`${ports.join(' ')}\n`)
