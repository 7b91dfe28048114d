import assert from 'node:assert/strict'
import { test } from 'node:test'
import express from 'express'
import { Hono } from 'hono'
import Koa from 'koa'
import type { RouteModule } from '../../../src/modules/define.ts'
import type { ModuleExport } from '../../../src/modules/definition.ts'
import { askRaw, get, talk } from '../../proxy/support/client.ts'
import { openProxy, type Proxy } from '../../proxy/support/proxy.ts'
import { codeOf, figuresOf, publishModules, until } from '../observe/support.ts'
import { shown, told, usual } from './support.ts'

/** The canary lies at a wider pattern, so that the table has room for both. */
const verify = (
  { worker }: Proxy,
  method = 'GET',
  path = '/users/:id',
  wide = '/:kind/:id',
): void =>
  worker.verify('test', {
    pairs: [{ stable: `one#${method} ${path}`, canary: `two#${method} ${wide}` }],
    settings: { ...usual, allMethods: true },
  })

const answers = (path: string, price: number): RouteModule<never> => ({
  register: (routes) =>
    void routes.get(path, (c) => c.json({ id: c.param('id'), q: c.query('q'), price })),
})

/** Hono, as its documentation writes it. */
const hono = (path: string, price: number): ModuleExport => {
  const app = new Hono()
  app.get(path, (c) => c.json({ id: c.req.param('id'), q: c.req.query('q'), price }))
  return app
}

const expressApp = (path: string, price: number): ModuleExport => {
  const app = express()
  app.get(path, (request, response) => {
    const { id } = request.params
    response.json({ id, q: request.query['q'], price, from: request.ip })
  })
  return app
}

test('two versions of code are compared, whatever the code is written for', async (t) => {
  const rows = { module: answers, hono, express: expressApp }
  for (const [name, make] of Object.entries(rows)) {
    const proxy = await openProxy(t, [])
    await publishModules(proxy, { one: make('/users/:id', 7), two: make('/:kind/:id', 8) })
    verify(proxy)
    for (let round = 0; round < 3; round += 1) {
      const { body } = await askRaw(proxy.port, get('/users/7?q=a'))
      assert.equal((JSON.parse(body) as { price: number }).price, 7)
    }
    assert.equal(told(await shown(proxy, 3)), '3 of 3; body /price 7/8', name)
    await proxy.quiet()
    assert.equal(figuresOf(proxy, codeOf(proxy, 'one')), '3 0 0', name)
    assert.equal(figuresOf(proxy, codeOf(proxy, 'two')), '0 0 0', name)
    assert.deepEqual(proxy.errors, [], name)
  }
})

test('an app that takes everything is compared too, with the body of a write', async (t) => {
  const bodies: string[] = []
  const koa = (by: string): ModuleExport => {
    const app = new Koa()
    app.use(async (context) => {
      const pieces: Buffer[] = []
      for await (const piece of context.req) pieces.push(piece as Buffer)
      const body = Buffer.concat(pieces).toString()
      bodies.push(`${by} ${body}`)
      context.body = `${context.method} ${context.path} ${body}`
    })
    return app.callback()
  }
  const proxy = await openProxy(t, [])
  await publishModules(proxy, { one: koa('one') })
  proxy.worker.verify('test', {
    pairs: [{ stable: 'one#* /*rest', canary: 'one#* /*rest' }],
    settings: { ...usual, allMethods: true },
  })
  const { body } = await askRaw(proxy.port, `${get('/a', 'Content-Length: 4\r\n', 'POST')}data`)
  assert.equal(body, 'POST /a data')
  assert.equal(told(await shown(proxy, 1)), '0 of 1')
  assert.deepEqual(
    bodies,
    Array.from({ length: 4 }, () => 'one data'),
  )
})

test('a handler knows a copy, reads its body, and its errors are answers', async (t) => {
  const seen: string[] = []
  const writes = (name: string, path: string): RouteModule<never> => ({
    register: (routes) =>
      void routes.post(path, async (c) => {
        seen.push(`${name} ${c.mirrored} ${await c.body.text()}`)
        if (name === 'two') throw new Error('mine')
        return c.text('done')
      }),
  })
  const proxy = await openProxy(t, [])
  await publishModules(proxy, {
    one: writes('one', '/users/:id'),
    two: writes('two', '/:kind/:id'),
  })
  verify(proxy, 'POST')
  await askRaw(proxy.port, `${get('/users/7', 'Content-Length: 4\r\n', 'POST')}data`)
  const counts = await shown(proxy, 1)
  assert.match(told(counts), /^1 of 1; body .*; header content-type .*; status 200\/500$/)
  assert.deepEqual(seen, ['one false data', 'one true data', 'two true data', 'one true data'])
  assert.deepEqual(proxy.errors, [])
  assert.equal(
    proxy.logged.filter((line) => line.startsWith('a handler failed on a copy')).length,
    1,
  )
})

/** Copies stay inside until they are told to go; with `isDeaf` they do not hear it. */
function holding(
  path: string,
  isDeaf: boolean,
): { module: RouteModule<never>; inside: () => number } {
  let inside = 0
  const module: RouteModule<never> = {
    register: (routes) =>
      void routes.get(path, (c) => {
        if (!c.mirrored) return c.text('ok')
        inside += 1
        return new Promise((resolve) => {
          if (isDeaf) return
          c.signal.addEventListener('abort', () => {
            inside -= 1
            resolve(c.text('late'))
          })
        })
      }),
  }
  return { module, inside: () => inside }
}

test('a verification that ends, and a version that goes, leave nothing behind', async (t) => {
  const drained = ({ worker }: Proxy): boolean => worker.draining().length === 0
  const ends = {
    'switched off': async (proxy: Proxy) => proxy.worker.verify('test', null),
    removed: (proxy: Proxy) => publishModules(proxy, { two: answers('/:kind/:id', 8) }),
  }
  for (const [name, end] of Object.entries(ends)) {
    for (const isDeaf of [false, true]) {
      const proxy = await openProxy(t, [])
      const { module, inside } = holding('/:kind/:id', isDeaf)
      await publishModules(proxy, { one: answers('/users/:id', 7), two: module })
      verify(proxy)
      await Promise.all([1, 2, 3].map(() => askRaw(proxy.port, get('/users/7'))))
      await until('copies are inside', () => inside() === 3)
      await end(proxy)
      if (name === 'switched off') await publishModules(proxy, { two: answers('/:kind/:id', 8) })
      await until(`${name}: nothing holds the version`, () => drained(proxy))
      if (!isDeaf) assert.equal(inside(), 0)
      await proxy.quiet()
      const counts = proxy.worker.verifyCounts('test')
      assert.equal(
        counts === null ? 'none' : told(counts),
        name === 'removed' ? '0 of 0; 3 failed' : 'none',
      )
    }
  }
})

test('no more is under way than is borne, and what is meant is answered all the same', async (t) => {
  const proxy = await openProxy(t, [])
  const { module, inside } = holding('/:kind/:id', false)
  await publishModules(proxy, { one: answers('/users/:id', 7), two: module })
  verify(proxy)
  for (let round = 0; round < 100; round += 1)
    assert.equal((await askRaw(proxy.port, get('/users/7'))).status, 200)
  assert.equal(inside(), 64)
  proxy.worker.verify('test', null)
  await until('they went', () => inside() === 0)
})

test('a copy whose turn comes late is dropped', async (t) => {
  const proxy = await openProxy(t, [])
  let asked = 0
  const busy: RouteModule<never> = {
    register: (routes) =>
      void routes.get('/users/:id', (c) => {
        asked += 1
        if (!c.mirrored) process.nextTick(blocked)
        return c.text('ok')
      }),
  }
  const blocked = (): void => {
    for (const until = performance.now() + 80; performance.now() < until;);
  }
  await publishModules(proxy, { one: busy, two: answers('/:kind/:id', 8) })
  verify(proxy)
  const client = talk(proxy.port, get('/users/7'))
  assert.equal((await client.answer()).status, 200)
  client.socket.destroy()
  await proxy.quiet()
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  assert.equal(asked, 1)
  assert.equal(told(proxy.worker.verifyCounts('test')!), '0 of 0')
})
