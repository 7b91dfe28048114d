import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeFolder } from '../hot/support/served.ts'
import { runTurnout, startInstance, users } from './instance-support.ts'

const token = 'a-token-of-the-tests-0123456789abcdef'

const every: readonly (readonly string[])[] = [
  ['routes'],
  ['probe', 'GET', '/'],
  ['status'],
  ['history'],
  ['diff', '1', '2'],
  ['plan', 'ping.json'],
  ['publish', 'ping.json'],
  ['rollback'],
  ['confirm', '1'],
  ['rollout', 'start', 'users@2.0.0'],
  ['rollout', 'status'],
  ['rollout', 'abort', 'users'],
  ['versions'],
  ['enable', 'ping'],
  ['disable', 'ping'],
]
const files = { 'ping.json': '{"id":"ping","path":"/ping"}' }

test('no instance here: exit code 3, and what to do', async (t) => {
  const folder = makeFolder(t, files)
  for (const words of every) {
    const { code, out, err } = await runTurnout(folder, words)
    assert.deepEqual([code, out], [3, ''], words.join(' '))
    assert.match(err, /TURNOUT_INSTANCE_NOT_FOUND .*instance\.json\n +to do .*turnout serve/)
  }
  const { code, out } = await runTurnout(folder, ['status', '--json'])
  assert.equal(code, 3)
  assert.equal(JSON.parse(out).code, 'TURNOUT_INSTANCE_NOT_FOUND')
})

test('an instance that has ended, or does not answer, is not there', async (t) => {
  const ended = spawnSync(process.execPath, ['--version']).pid
  const instance = (pid: number): string => JSON.stringify({ admin: 'http://127.0.0.1:1', pid })
  const folder = makeFolder(t, {
    ...files,
    'dead/instance.json': instance(ended),
    'mute/instance.json': instance(process.pid),
    'mute/admin-token': token,
    'torn/instance.json': '{"admin":',
  })
  const reasons = { dead: /process \d+.*has ended/, mute: /ECONNREFUSED/, torn: /names no address/ }
  for (const [data, reason] of Object.entries(reasons)) {
    const { code, err } = await runTurnout(folder, ['status', '--data', data])
    assert.equal(code, 3, data)
    assert.match(err, reason)
    assert.match(err, /TURNOUT_INSTANCE_NOT_FOUND/)
  }
})

test('routes and probe ask the usual folder when no instance runs, and say so', async (t) => {
  const folder = makeFolder(t, { 'routes/users.js': users })
  const listed = await runTurnout(folder, ['routes'])
  assert.equal(listed.code, 0)
  assert.match(listed.out, /GET +\/users\/:id +users +1\.2\.0 +users\.js/)
  assert.match(listed.err, /^No running instance was reached: .*; the folder is asked instead\n$/)
  const probed = await runTurnout(folder, ['probe', 'GET', '/users/7', '--json'])
  assert.equal(probed.code, 0)
  assert.equal(JSON.parse(probed.out).served, 'users 1.2.0')
  const named = await runTurnout(folder, ['routes', '--admin', 'http://127.0.0.1:1'], {
    environment: { TURNOUT_ADMIN_TOKEN: token },
  })
  assert.deepEqual([named.code, named.out], [3, ''])
  const offline = await runTurnout(folder, ['routes', 'routes'])
  assert.deepEqual([offline.code, offline.err], [0, ''])
})

test('an instance is found by --admin, TURNOUT_ADMIN, --data, and beside the folder', async (t) => {
  const { served, folder } = await startInstance(t)
  const own = readFileSync(join(served.data, 'admin-token'), 'utf8').trim()
  const bare = served.admin.replace('http://', '')
  const ways: readonly (readonly [readonly string[], Record<string, string>])[] = [
    [['--data', served.data], {}],
    [['--data', served.data], { TURNOUT_ADMIN: 'http://127.0.0.1:1' }],
    [['--admin', served.admin, '--data', served.data], {}],
    [['--admin', bare], { TURNOUT_ADMIN_TOKEN: own }],
    [[], { TURNOUT_ADMIN: served.admin, TURNOUT_ADMIN_TOKEN: own }],
  ]
  for (const [words, environment] of ways) {
    const { code, out, err } = await runTurnout(folder, ['status', ...words], { environment })
    assert.equal(code, 0, err)
    assert.match(out, /^revision +1$/m)
    assert.equal(out.includes(own), false)
  }
})

test('a wrong token, or none, is refused with exit code 1, and never shown', async (t) => {
  const { served, folder, turnout } = await startInstance(t)
  const wrong = await runTurnout(folder, ['status', '--data', served.data], {
    environment: { TURNOUT_ADMIN_TOKEN: token },
  })
  assert.deepEqual([wrong.code, wrong.out], [1, ''])
  assert.match(wrong.err, /TURNOUT_TOKEN_UNKNOWN[\s\S]*TURNOUT_ADMIN_TOKEN/)
  assert.equal(wrong.err.includes(token), false)
  const none = await runTurnout(folder, ['status', '--admin', served.admin])
  assert.equal(none.code, 1)
  assert.match(none.err, /TURNOUT_INSTANCE_TOKEN/)
  assert.equal((await turnout('status')).code, 0)
})

test('the token of a data folder here is not sent to another machine', async (t) => {
  const folder = makeFolder(t, { '.turnout/admin-token': token })
  const { code, err } = await runTurnout(folder, ['status', '--admin', 'http://192.0.2.1:7070'])
  assert.equal(code, 1)
  assert.match(err, /TURNOUT_INSTANCE_TOKEN.*not sent elsewhere/)
})

test('somebody else who answers there is told from an instance', async (t) => {
  const answers: readonly (readonly [number, string])[] = [
    [200, '<html>'],
    [404, '{"message":"no"}'],
    [500, ''],
  ]
  for (const [status, body] of answers) {
    const server = createServer((_, response) => response.writeHead(status).end(body))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const given = ['status', '--admin', `http://127.0.0.1:${port}`]
    const environment = { TURNOUT_ADMIN_TOKEN: token }
    const { code, err } = await runTurnout(makeFolder(t), given, { environment })
    assert.equal(code, 3, body)
    assert.match(err, /TURNOUT_ADMIN_UNREACHABLE.*no admin API/)
  }
})
