import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { save } from '../hot/support/served.ts'
import { makeFolder, open } from './support.ts'
import { other, users } from './users.ts'

// Sockets of this file alone.
const temporary = mkdtempSync(join(tmpdir(), 'turnout-refusals-'))
process.env['TMPDIR'] = temporary
process.once('exit', () => rmSync(temporary, { recursive: true, force: true }))

/** Folders of sockets that are there. */
const socketFolders = (): string[] => readdirSync(temporary)

const refusals: Readonly<Record<string, readonly [code: string, text: string]>> = {
  'a filter': [
    'TURNOUT_ISOLATION_REFUSED',
    users({ rest: `routes.filter('mine', (c, next) => next())` }),
  ],
  'a service of the embedding program': [
    'TURNOUT_SERVICE_ELSEWHERE',
    users({ rest: `services.client` }),
  ],
  'another isolation': [
    'TURNOUT_MODULE_EXPORT_INVALID',
    users().replace("isolation: 'isolated'", "isolation: 'thread'"),
  ],
  'too little memory': ['TURNOUT_MODULE_EXPORT_INVALID', users({ memoryMb: 10 })],
}

for (const [name, [code, text]] of Object.entries(refusals)) {
  test(`${name} is refused, and no process is left`, async (t) => {
    const client = { open: () => ({ get: () => 1 }) }
    const opened = await open(t, { 'other.js': other }, { services: { client } })
    save(opened.folder, 'users.js', text)
    await opened.event(({ name }) => name === 'rejected')
    const told = JSON.stringify(opened.told.at(-1))
    assert.ok(told.includes(code), told)
    assert.equal(await opened.text('/version'), '404')
    assert.deepEqual(socketFolders(), [])
  })
}

test('a breaker opens for it as for any upstream, and is seen among them', async (t) => {
  const breaker = { slidingWindowSize: 4, minimumNumberOfCalls: 4 }
  const modules = { users: { upstream: { breaker } } }
  const rest = `routes.get('/fails', () => { throw new Error('mine') })`
  const { ask, text, turnout } = await open(t, { 'users.js': users({ rest }) }, { modules })
  const directory = makeFolder(t, {})
  const admin = await turnout.admin({ port: 0, directory, token: 'a'.repeat(40) })
  for (let at = 0; at < 4; at += 1) assert.equal((await ask('/fails')).status, 500)
  const { status, text: body } = await ask('/version')
  assert.equal(status, 503)
  assert.match(body, /TURNOUT_BREAKER_OPEN/)
  const headers = { authorization: `Bearer ${'a'.repeat(40)}`, 'content-type': 'application/json' }
  const place = `${admin.url}/api/upstreams/isolated%3Ausers%401.0.0`
  const seen = await fetch(`${place}/status`, { headers }).then((answer) => answer.text())
  assert.match(seen, /"state":"OPEN"/)
  const closing = { method: 'POST', headers, body: '{"state":"CLOSED"}' }
  assert.equal((await fetch(`${place}/breaker`, closing)).status, 200)
  assert.equal(await text('/version'), '1.0.0')
})

test('objects of the embedding program, and files behind its middleware, are refused', async (t) => {
  const { turnout, folder } = await open(t, {})
  const module = { isolation: 'isolated' as const, register: () => undefined }
  await assert.rejects(turnout.module(module, { name: 'own' }), {
    code: 'TURNOUT_ISOLATION_REFUSED',
  })
  turnout.use((_, next) => next())
  const behind = makeFolder(t, { 'users.js': users() })
  await assert.rejects(turnout.module(join(behind, 'users.js')), {
    code: 'TURNOUT_ISOLATION_REFUSED',
  })
  assert.ok(folder.length > 0)
})

test('values go over as services; what is opened is opened there, by its config', async (t) => {
  const config = makeFolder(t, {
    'turnout.config.js': `export default { services: { where: { open: () => ({ pid: () => process.pid }) } } }`,
  })
  const rest = `routes.get('/services', (c) => c.json([services.plain, services.where.pid(), process.pid]))`
  const { text } = await open(
    t,
    { 'users.js': users({ rest }) },
    { services: { plain: { deep: [1] } }, configFile: join(config, 'turnout.config.js') },
  )
  const [plain, pid, own] = JSON.parse(await text('/services')) as unknown[]
  assert.deepEqual(plain, { deep: [1] })
  assert.equal(pid, own)
  assert.notEqual(pid, process.pid)
})
