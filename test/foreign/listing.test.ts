import assert from 'node:assert/strict'
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import connect from 'connect'
import express from 'express'
import { H3 } from 'h3'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { AutoRouter } from 'itty-router'
import Koa from 'koa'
import type { FetchApp, NodeApp } from '../../src/index.ts'
import { createTurnout, type Turnout } from '../../src/turnout.ts'
import { get } from './folder.ts'

const open = async (t: TestContext): Promise<{ turnout: Turnout; url: string }> => {
  const turnout = createTurnout({ logger: false })
  t.after(() => turnout.close(1_000))
  const { url } = await turnout.listen({ port: 0 })
  return { turnout, url }
}

const everything = ['* /', '* /*rest']

const hono = (build: (app: Hono) => unknown): Hono => {
  const app = new Hono()
  build(app)
  return app
}
const expressApp = (build: (app: express.Express) => unknown): express.Express => {
  const app = express()
  build(app)
  return app
}

const lists: readonly [string, () => FetchApp | NodeApp, readonly string[]][] = [
  [
    'Hono: routes, without middleware',
    () =>
      hono((app) => {
        app.use('*', async (_, next) => next())
        app.get('/users/:id{[0-9]+}', (c) => c.text('x')).post('/users', (c) => c.text('x'))
        app.all('/any', (c) => c.text('x'))
        app.route(
          '/nested',
          new Hono().get('/deep', (c) => c.text('x')),
        )
      }),
    [
      '* /any',
      'GET /nested/deep',
      'GET /users/:id([0-9]+)',
      'OPTIONS /nested/deep',
      'OPTIONS /users',
      'OPTIONS /users/:id([0-9]+)',
      'POST /users',
    ],
  ],
  [
    'Hono: a final wildcard is a rest',
    () => hono((app) => app.get('/files/*', (c) => c.text('x'))),
    ['GET /files', 'GET /files/*rest'],
  ],
  [
    'Hono: an optional param has no like here, so the whole app is one route',
    () => hono((app) => app.get('/a/:id?', (c) => c.text('x')).get('/b{c}', (c) => c.text('x'))),
    everything,
  ],
  [
    'Express: routes of its own stack',
    () =>
      expressApp((app) => {
        app.use(express.json())
        app.get('/users/:id', (_, response) => void response.end())
        app.route('/users').post((_, response) => void response.end())
        app.all('/any', (_, response) => void response.end())
      }),
    ['* /any', 'GET /users/:id', 'OPTIONS /users', 'OPTIONS /users/:id', 'POST /users'],
  ],
  [
    'Express: a nested router cannot be listed',
    () =>
      expressApp((app) => {
        app.get('/a', (_, response) => void response.end())
        app.use('/nested', express.Router())
      }),
    everything,
  ],
  [
    'Express: static files cannot be listed',
    () => expressApp((app) => app.use(express.static('.'))),
    everything,
  ],
  ['h3', () => new H3().get('/a', () => 'x'), everything],
  ['itty-router', () => AutoRouter().get('/a', () => 'x') as FetchApp, everything],
  ['Connect', () => connect(), everything],
  ['Koa', () => new Koa().callback(), everything],
]
for (const [what, app, expected] of lists) {
  test(`what is listed: ${what}`, async (t) => {
    const { turnout } = await open(t)
    await turnout.module(app(), { name: 'app' })
    assert.deepEqual(
      turnout
        .routes()
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
      expected,
    )
  })
}

test('Hono: middleware that answers by itself is asked too', async (t) => {
  const { turnout, url } = await open(t)
  const app = hono((app) => {
    app.use('/early/*', (c) => Promise.resolve(c.text('early')))
    app.get('/late', (c) => c.text('late'))
  })
  await turnout.module(app, { name: 'app' })
  assert.equal(await get(`${url}/late`), '200 late')
  assert.equal(await get(`${url}/early/x`), '200 early')
})

test('Hono: the preflight of its CORS middleware is its own', async (t) => {
  const { turnout, url } = await open(t)
  await turnout.module(
    hono((app) => app.use(cors()).post('/x', (c) => c.text('x'))),
    { name: 'app' },
  )
  const headers = { origin: 'http://other.test', 'access-control-request-method': 'POST' }
  const preflight = await fetch(`${url}/x`, { method: 'OPTIONS', headers })
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*')
})

test('Express: nested routers and static files answer', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'turnout-static-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'a.txt'), 'static')
  const { turnout, url } = await open(t)
  const nested = express.Router()
  nested.get(
    '/deep/:id',
    (request, response) => void response.send(`${request.baseUrl} ${request.params.id}`),
  )
  await turnout.module(
    expressApp((app) => app.use('/nested', nested).use('/files', express.static(folder))),
    { name: 'app' },
  )
  assert.equal(await get(`${url}/nested/deep/7`), '200 /nested 7')
  assert.equal(await get(`${url}/files/a.txt`), '200 static')
  assert.match(await get(`${url}/files/b.txt`), /^404/)
})

test('apps below a prefix see their own paths', async (t) => {
  const { turnout, url } = await open(t)
  await turnout.update((change) => {
    change.module(
      hono((app) => app.get('/x', (c) => c.text(new URL(c.req.url).pathname))),
      {
        name: 'hono',
        prefix: '/hono',
      },
    )
    change.module(
      expressApp((app) =>
        app.get(
          '/x',
          (request, response) => void response.send(`${request.url} ${request.originalUrl}`),
        ),
      ),
      { name: 'express', prefix: '/express' },
    )
    change.module(
      new H3().get('/', () => 'h3 home'),
      { name: 'h3', prefix: '/h3' },
    )
  })
  assert.equal(await get(`${url}/hono/x`), '200 /x')
  assert.equal(await get(`${url}/express/x?a=1`), '200 /x?a=1 /express/x?a=1')
  assert.equal(await get(`${url}/h3`), '200 h3 home')
  assert.match(await get(`${url}/hono`), /^404/)
})

test('a replaced Node app is retired after its last exchange', async (t) => {
  const { turnout, url } = await open(t)
  const retired: string[] = []
  turnout.on('retired', ({ module }) => retired.push(module))
  let finish = (): void => undefined
  let entered = (): void => undefined
  const inside = new Promise<void>((resolve) => (entered = resolve))
  const slow: NodeApp = (_request, response) => {
    response.write('old ')
    finish = () => void response.end('end')
    entered()
  }
  await turnout.module(slow, { name: 'app' })
  const answer = get(`${url}/x`)
  await inside
  const next: NodeApp = (_request, response) => void response.end('new')
  await turnout.module(next, { name: 'app' })
  assert.equal(await get(`${url}/x`), '200 new')
  assert.deepEqual([retired, turnout.draining.map(({ exchanges }) => exchanges)], [[], [1]])
  finish()
  assert.equal(await answer, '200 old end')
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([retired, turnout.draining], [['app'], []])
})

test('a Node app cannot be asked without node:http', async (t) => {
  const { turnout } = await open(t)
  const app: NodeApp = (_request, response) => void response.end('x')
  await turnout.module(app, { name: 'app' })
  const response = await turnout.fetch(new Request('http://test/'))
  assert.match(await response.text(), /TURNOUT_NODE_APP_UNREACHABLE|TURNOUT_HANDLER_FAILED/)
  assert.ok(response.status >= 500)
})
