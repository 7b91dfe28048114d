import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { once } from 'node:events'
import { openHealthServer, type HealthServer } from '../../src/server/health-server.ts'

const opened = async (t: TestContext, isReady = (): boolean => true): Promise<HealthServer> => {
  const server = await openHealthServer({ host: '127.0.0.1', port: 0, isReady })
  t.after(() => server.close())
  return server
}

const answers: readonly (readonly [string, string, boolean, number, string])[] = [
  ['GET', '/healthz', true, 200, '{"ok":true}'],
  ['GET', '/healthz', false, 200, '{"ok":true}'],
  ['GET', '/readyz', true, 200, '{"ok":true}'],
  ['GET', '/readyz', false, 503, '{"ok":false}'],
  ['GET', '/readyz?from=probe', false, 503, '{"ok":false}'],
  ['HEAD', '/readyz', false, 503, ''],
  ['POST', '/readyz', true, 405, ''],
  ['GET', '/', true, 404, ''],
  ['GET', '/api/status', true, 404, ''],
  ['GET', '/metrics', true, 404, ''],
  ['GET', '/readyz/', true, 404, ''],
  ['GET', '//readyz', true, 404, ''],
]
for (const [method, path, isReady, status, text] of answers)
  test(`${method} ${path} of one that is ${isReady ? '' : 'not '}ready: ${status}`, async (t) => {
    const { url } = await opened(t, () => isReady)
    const answer = await fetch(url + path, { method })
    assert.deepEqual([answer.status, await answer.text()], [status, text])
  })

const scrapes: readonly (readonly [string, string, string, number, string])[] = [
  ['GET', '/metrics', '', 200, 'accept: '],
  ['GET', '/metrics?from=probe', 'text/plain', 200, 'accept: text/plain'],
  ['HEAD', '/metrics', '', 200, ''],
  ['POST', '/metrics', '', 405, ''],
  ['GET', '/metrics/', '', 404, ''],
  ['GET', '/readyz', '', 200, '{"ok":true}'],
]
for (const [method, path, accept, status, text] of scrapes)
  test(`${method} ${path} where metrics are answered: ${status}`, async (t) => {
    const scrape = (asked: string): Promise<{ readonly type: string; readonly text: string }> =>
      Promise.resolve({ type: 'text/plain; version=0.0.4', text: `accept: ${asked}` })
    const server = await openHealthServer({
      host: '127.0.0.1',
      port: 0,
      isReady: () => true,
      scrape,
    })
    t.after(() => server.close())
    const answer = await fetch(server.url + path, { method, headers: { accept } })
    assert.deepEqual([answer.status, await answer.text()], [status, text])
    if (text.startsWith('accept'))
      assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4')
  })

test('metrics that cannot be read are 503, and nothing of the reason', async (t) => {
  const scrape = (): Promise<never> => Promise.reject(new Error('secret'))
  const server = await openHealthServer({ host: '127.0.0.1', port: 0, isReady: () => true, scrape })
  t.after(() => server.close())
  const answer = await fetch(`${server.url}/metrics`)
  assert.deepEqual([answer.status, await answer.text()], [503, ''])
})

test('an answer is as the instance is now', async (t) => {
  let isReady = true
  const { url } = await opened(t, () => isReady)
  assert.equal((await fetch(`${url}/readyz`)).status, 200)
  isReady = false
  assert.equal((await fetch(`${url}/readyz`)).status, 503)
})

test('a port that is taken is told', async (t) => {
  const { port } = await opened(t)
  await assert.rejects(openHealthServer({ host: '127.0.0.1', port, isReady: () => true }), {
    code: 'TURNOUT_LISTEN_FAILED',
  })
})

test('its end waits for nobody, and its port is free then', async () => {
  const server = await openHealthServer({ host: '127.0.0.1', port: 0, isReady: () => true })
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  const closed = once(socket, 'close')
  await server.close()
  await closed
  const next = createServer().listen(server.port, '127.0.0.1')
  await once(next, 'listening')
  next.close()
})
