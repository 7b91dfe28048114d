import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Middleware } from '../../src/modules/define.ts'
import { createTurnout, type Turnout } from '../../src/turnout.ts'
import { makeFolder } from './support/served.ts'

const fileText = `export default {
  register: (routes) => void routes.get('/path', (c) => c.text(String(c.get('who') ?? 'nobody'))),
}
`

const open = (t: TestContext): Turnout => {
  const turnout = createTurnout({ logger: false })
  t.after(() => turnout.close(0))
  return turnout
}

const askOf =
  (turnout: Turnout) =>
  async (path: string): Promise<string> => {
    const response = await turnout.fetch(new Request(`http://test${path}`))
    return response.status === 200 ? response.text() : String(response.status)
  }

test('mounting the same file behind another prefix moves it', async (t) => {
  const file = `${makeFolder(t, { 'module.js': fileText })}/module.js`
  const turnout = open(t)
  const ask = askOf(turnout)
  await turnout.module(file, { prefix: '/a' })
  assert.equal(await ask('/a/path'), 'nobody')
  await turnout.module(file, { prefix: '/b' })
  assert.equal(await ask('/a/path'), '404')
  assert.equal(await ask('/b/path'), 'nobody')
})

test('mounting the same file behind other middleware replaces it', async (t) => {
  const file = `${makeFolder(t, { 'module.js': fileText })}/module.js`
  const turnout = open(t)
  const ask = askOf(turnout)
  for (const who of ['one', 'two']) {
    const naming: Middleware = (c, next) => {
      c.set('who', who)
      return next()
    }
    await turnout.module(file, { middleware: [naming] })
    assert.equal(await ask('/path'), who)
  }
})

test('mounting an object does not give back what it serves with', async (t) => {
  const turnout = open(t)
  const pool = { isOpen: true }
  await turnout.module({
    name: 'pooled',
    register(routes, { onDispose, signal }) {
      onDispose(() => void (pool.isOpen = false))
      signal.addEventListener('abort', () => void (pool.isOpen = false))
      routes.get('/pool', (c) => c.text(String(pool.isOpen)))
    },
  })
  assert.equal(await askOf(turnout)('/pool'), 'true')
  await turnout.close(0)
  assert.equal(pool.isOpen, false)
})
