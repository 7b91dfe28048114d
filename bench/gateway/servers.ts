// One server, one process: `servers.js NAME` answers GET /ping with {"message":"pong"} on a free port and prints it.
import { createServer } from 'node:http'
import type { ServerName } from './names.ts'

const hello = { message: 'pong' }

const start: Readonly<Record<Exclude<ServerName, 'nginx'>, () => Promise<number>>> = {
  'node:http': () =>
    new Promise((resolve) => {
      const server = createServer((request, response) => {
        if (request.method !== 'GET' || request.url !== '/ping') {
          response.writeHead(404).end()
          return
        }
        const body = JSON.stringify(hello)
        const length = Buffer.byteLength(body)
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': length })
        response.end(body)
      })
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    }),
  fastify: async () => {
    const { fastify } = await import('fastify')
    const app = fastify()
    app.get('/ping', (_, reply) => {
      reply.send(hello)
    })
    await app.listen({ host: '127.0.0.1', port: 0 })
    return (app.server.address() as { port: number }).port
  },
  hono: async () => {
    const [{ Hono }, { serve }] = await Promise.all([import('hono'), import('@hono/node-server')])
    const app = new Hono()
    app.get('/ping', (c) => c.json(hello))
    return new Promise((resolve) => {
      serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => resolve(port))
    })
  },
  turnout: () => turnout({ logger: false }),
  'turnout, safe lane': () => turnout({ logger: false, lane: 'safe' }),
  'turnout module file': () =>
    moduleFile(`const hello = { message: 'pong' }
export default { register: (routes) => void routes.get('/ping', (c) => c.json(hello)) }\n`),
  // One that sets a field before, one that waits, one that sets a field behind.
  'turnout with middleware': () =>
    moduleFile(`const hello = { message: 'pong' }
export default {
  register(routes) {
    routes.use((c, next) => {
      c.set('began', 1)
      return next()
    })
    routes.use(async (c, next) => {
      await null
      return next()
    })
    routes.use(async (c, next) => {
      const reply = await next()
      return reply.setHeader('x-served-by', 'turnout')
    })
    routes.get('/ping', (c) => c.json(hello))
  },
}\n`),
  'turnout and its logger': () => turnout({}),
}

const moduleFile = async (text: string): Promise<number> => {
  const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs')
  const folder = mkdtempSync((await import('node:os')).tmpdir() + '/turnout-bench-')
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  process.once('SIGTERM', () => process.exit(0))
  writeFileSync(`${folder}/ping.js`, text)
  const { createTurnout } = await import('../../src/index.ts')
  const gateway = createTurnout({ logger: false })
  await gateway.files(folder)
  return (await gateway.listen({ port: 0 })).port
}

const turnout = async (options: {
  readonly logger?: false
  readonly lane?: 'safe'
}): Promise<number> => {
  const { createTurnout } = await import('../../src/index.ts')
  const gateway = createTurnout(options).get('/ping', (c) => c.json(hello))
  return (await gateway.listen({ port: 0 })).port
}

const port = await start[process.argv[2] as Exclude<ServerName, 'nginx'>]()
// The logger has stdout: the harness reads the port from stderr.
process.stderr.write(`${port}\n`)
