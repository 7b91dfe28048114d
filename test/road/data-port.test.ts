import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { samples } from '../admin/support/matrix.ts'
import { makeFolder, startServe } from '../hot/support/served.ts'
import { moduleText } from './support/artifact.ts'
import { dataFolder, startInstance } from './support/instance.ts'

test('no operation of the admin API is reached through the data port, whatever is asked', async (t) => {
  const folder = makeFolder(t, { 'module.js': moduleText('module', 1) })
  const instance = await startInstance(t, folder, { data: dataFolder(t, folder) })
  const { send, port, token, admin } = instance
  const before = (await send('GET', '/api/status')).body
  const tokens = (await send('GET', '/api/tokens')).text
  const data = `http://127.0.0.1:${port}`
  let asked = 0
  for (const { name, method, target, sending } of samples) {
    const { host } = new URL(admin)
    // As it is, and as somebody would who wants to be taken for a client of the other listener.
    for (const more of [{}, { host }, { host, origin: admin, 'x-forwarded-host': host }]) {
      const answer = await instance.askAs(data, method, target, {
        token,
        headers: { ...sending.headers, ...more },
        ...(sending.body === undefined ? {} : { body: sending.body }),
      })
      asked += 1
      const told = `${name}: ${answer.status} ${answer.text}`
      assert.ok([404, 405].includes(answer.status), told)
      assert.equal(answer.headers['turnout-request-id'], undefined, told)
      assert.equal(answer.headers['turnout-revision'], undefined, told)
      assert.ok(!answer.text.includes(before.digest), told)
    }
  }
  assert.equal(asked, samples.length * 3)
  const { revision, digest, audit } = (await send('GET', '/api/status')).body
  assert.deepEqual([revision, digest], [before.revision, before.digest])
  assert.equal(audit.records, before.audit.records)
  assert.equal((await send('GET', '/api/tokens')).text, tokens)
})

test('a route that leads to the admin API is refused, however its address is written', async (t) => {
  const folder = makeFolder(t)
  const {
    send: sendOnce,
    admin,
    ask,
  } = await startInstance(t, folder, {
    data: dataFolder(t, folder),
  })
  // There are more of them than a fast machine is let in with in a second.
  const send: typeof sendOnce = async (...request) => {
    for (;;) {
      const answer = await sendOnce(...request)
      if (answer.status !== 429) return answer
      await delay(100)
    }
  }
  const { port } = new URL(admin)
  const hosts = [
    '127.0.0.1',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    '127.1',
    '127.0.0.2',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '0.0.0.0',
    '0',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b:1::127.0.0.1]',
    '[2002:7f00:1::]',
    '%31%32%37.0.0.1',
    '１２７.0.0.1',
    '127。0。0。1',
    'user@127.0.0.1',
  ]
  const path = '/to-admin'
  for (const scheme of ['http', 'https', 'HTTP']) {
    for (const host of hosts) {
      const uri = `${scheme}://${host}:${port}`
      const ways: readonly (readonly [string, object])[] = [
        ['/api/routes', { id: 'a', path, target: { uri } }],
        ['/api/routes', { id: 'a', uri, predicates: [`Path=${path}`] }],
        ['/api/upstreams', { name: 'a', endpoints: [{ url: uri }] }],
        ['/api/changes', { routes: { put: [{ id: 'a', path, target: { uri } }] } }],
        ['/api/changes', { upstreams: { put: [{ name: 'a', endpoints: [uri] }] } }],
      ]
      for (const [target, body] of ways) {
        const { status, text } = await send('POST', target, { body })
        assert.equal(status, 422, `${target} ${uri}: ${text}`)
      }
      const spring = await send('POST', '/actuator/gateway/routes/a', {
        body: { uri, predicates: [`Path=${path}`] },
      })
      assert.equal(spring.status, 400, `${uri}: ${spring.text}`)
    }
  }
  assert.equal((await send('GET', '/api/status')).body.revision, 0)
  assert.equal((await ask(path)).status, 404)
  // One port further is somebody else.
  const other = {
    id: 'a',
    path,
    target: { uri: `http://127.0.0.1:${Number(port) === 9 ? 10 : 9}` },
  }
  assert.equal((await send('POST', '/api/routes', { body: other })).status, 201)
})

test('admin off: nothing listens but the data port', async (t) => {
  const folder = makeFolder(t, { 'module.js': moduleText('module', 1) })
  const served = await startServe(t, folder, { words: ['--admin', 'off'] })
  assert.equal(served.admin, null)
  const answer = await fetch(`http://127.0.0.1:${served.port}/api/status`)
  assert.equal(answer.status, 404)
  assert.equal(await served.stop(), 0)
})
