import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { serve as serveHono } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import type { Turnout } from '../../src/turnout.ts'
import { codeOf, embed } from './open.ts'

/** A Turnout with routes that a host is asked for; `changed` replaces one of them. */
const withRoutes = (t: TestContext, options = {}): Turnout => {
  const turnout = embed(t, options)
  turnout
    .get('/api/hello', (c) => c.text('hello'))
    .post('/api/echo', async (c) => c.json(await c.body.json()))
    .get('/api/stream', (c) =>
      c.stream(async function* () {
        yield 'a'
        yield 'b'
      }),
    )
    .get('/api/fails', () => {
      throw new Error('mine')
    })
  return turnout
}

const hosted = async (t: TestContext, listener: RequestListener): Promise<string> => {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const get = async (url: string, init: RequestInit = {}): Promise<string> => {
  const response = await fetch(url, init)
  return `${response.status} ${await response.text()}`
}

const post = (url: string, body: string): Promise<string> =>
  get(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })

/** What holds in every host. */
const checkHost = async (turnout: Turnout, url: string): Promise<void> => {
  assert.equal(await get(`${url}/api/hello`), '200 hello')
  assert.equal(await post(`${url}/api/echo`, '{"a":1}'), '200 {"a":1}')
  assert.equal(await get(`${url}/api/stream`), '200 ab')
  assert.match(await get(`${url}/api/fails`), /^500 .*TURNOUT_HANDLER_FAILED/)
  await turnout.update((change) => void change.get('/api/hello', (c) => c.text('changed')))
  assert.equal(await get(`${url}/api/hello`), '200 changed')
}

test('in node:http', async (t) => {
  const turnout = withRoutes(t)
  const url = await hosted(t, turnout.handler)
  await checkHost(turnout, url)
  assert.match(await get(`${url}/nope`), /^404 .*TURNOUT_ROUTE_NOT_FOUND/)
})

test('in Express: what Turnout has no route for goes on to Express', async (t) => {
  const turnout = withRoutes(t)
  const app = express()
  app.get('/before', (_, response) => void response.send('before'))
  app.use(turnout.handler)
  app.use(express.json())
  app.post('/after', (request, response) => void response.json(request.body as unknown))
  const url = await hosted(t, app)
  await checkHost(turnout, url)
  assert.equal(await get(`${url}/before`), '200 before')
  assert.equal(await post(`${url}/after`, '{"b":2}'), '200 {"b":2}')
  assert.match(await get(`${url}/nope`), /^404 [^]*Cannot GET \/nope/)
  const wrongMethod = await get(`${url}/api/hello`, { method: 'DELETE' })
  assert.equal(codeOf(wrongMethod.slice(4)), 'TURNOUT_METHOD_NOT_ALLOWED')
})

test('in Express below a path', async (t) => {
  const turnout = embed(t)
  turnout.get('/hello', (c) => c.text(c.path))
  const app = express()
  app.use('/api', turnout.handler)
  assert.equal(await get(`${await hosted(t, app)}/api/hello`), '200 /hello')
})

test('in Express behind a body parser: asking for the body is told why it is gone', async (t) => {
  const turnout = withRoutes(t)
  turnout.post('/api/web', async (c) => c.text(await c.request.text()))
  const app = express()
  app.use(express.json())
  app.use(turnout.handler)
  const url = await hosted(t, app)
  assert.match(await post(`${url}/api/echo`, '{"a":1}'), /^500 .*TURNOUT_HANDLER_FAILED/)
  assert.match(await post(`${url}/api/web`, '{"a":1}'), /^500 .*TURNOUT_HANDLER_FAILED/)
})

test("with recovery off, errors go to Express's own handler", async (t) => {
  const turnout = withRoutes(t, { recovery: false })
  const app = express()
  app.use(turnout.handler)
  app.use(((error, _request, response, _next) => {
    response.status(500).send(`express: ${(error as Error).message}`)
  }) as express.ErrorRequestHandler)
  assert.equal(await get(`${await hosted(t, app)}/api/fails`), '500 express: mine')
})

test('in Fastify', async (t) => {
  const turnout = withRoutes(t)
  const app = fastify()
  app.get('/before', () => 'before')
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null))
    scope.all('/api/*', (request, reply) => {
      reply.hijack()
      turnout.handler(request.raw, reply.raw)
    })
    done()
  })
  t.after(() => app.close())
  const url = await app.listen({ port: 0 })
  await checkHost(turnout, url)
  assert.equal(await get(`${url}/before`), '200 before')
  assert.match(await get(`${url}/api/nope`), /^404 .*TURNOUT_ROUTE_NOT_FOUND/)
})

test('in Hono', async (t) => {
  const turnout = withRoutes(t)
  const app = new Hono()
  app.get('/before', (c) => c.text('before'))
  app.all('/api/*', (c) => turnout.fetch(c.req.raw))
  const server = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await once(server, 'listening')
  t.after(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await checkHost(turnout, url)
  assert.equal(await get(`${url}/before`), '200 before')
})
