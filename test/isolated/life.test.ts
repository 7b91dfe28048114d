import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { applied, refused, retired } from '../hot/support/embedded.ts'
import { save } from '../hot/support/served.ts'
import { isAlive, makeFolder, open, until, type Opened } from './support.ts'

interface Written {
  readonly version?: string
  readonly isolation?: 'inline' | 'isolated'
  readonly state?: string
  readonly rest?: string
  readonly memoryMb?: number
}

/** A module that counts, and does whatever it is asked for. */
const users = ({
  version = '1.0.0',
  isolation = 'isolated',
  state = 'create: () => ({ seen: 0 })',
  rest = '',
  memoryMb,
}: Written = {}): string => `
export default {
  name: 'users',
  version: '${version}',
  isolation: '${isolation}',
  ${memoryMb === undefined ? '' : `memoryMb: ${memoryMb},`}
  state: { ${state} },
  register(routes, { state, services, onDispose, log }) {
    const kept = []
    routes.get('/version', (c) => c.text('${version}'))
    routes.get('/pid', (c) => c.text(String(process.pid)))
    routes.get('/count', (c) => c.text(String(++state.seen)))
    routes.get('/state', (c) => c.json(state))
    routes.get('/loop', () => { for (;;); })
    routes.get('/exit', () => process.exit(3))
    routes.get('/slow', async (c) => {
      await new Promise((go) => setTimeout(go, Number(c.query('ms'))))
      state.seen += 100
      return c.text('${version}')
    })
    routes.get('/keep', (c) => {
      for (let at = 0; at < Number(c.query('mb')); at += 1) kept.push(Buffer.alloc(1024 * 1024, 1))
      return c.text('kept')
    })
    ${rest}
  },
}
`
const other = `export default { name: 'other', register: (routes) => void routes.get('/other', (c) => c.text('other ' + process.pid)) }`

const pidOf = async ({ text }: Opened): Promise<number> => Number(await text('/pid'))

/** Folders of sockets of this process's children. */
const socketFolders = (): string[] =>
  readdirSync(tmpdir())
    .filter((name) => /^turnout-[A-Za-z0-9]{6}$/.test(name))
    .filter((name) => existsSync(join(tmpdir(), name, 's')))

test('a module that asks for it has a process of its own, the others have not', async (t) => {
  const opened = await open(t, { 'users.js': users(), 'other.js': other })
  const pid = await pidOf(opened)
  assert.notEqual(pid, process.pid)
  assert.equal(await opened.text('/other'), `other ${process.pid}`)
  assert.equal(isAlive(pid), true)
})

test('a config has the last word, both ways', async (t) => {
  const modules = { users: { isolation: 'inline' }, other: { isolation: 'isolated' } } as const
  const opened = await open(t, { 'users.js': users(), 'other.js': other }, { modules })
  assert.equal(await pidOf(opened), process.pid)
  assert.notEqual(await opened.text('/other'), `other ${process.pid}`)
})

test('killed, it is started again, and its state begins anew; others never notice', async (t) => {
  const opened = await open(t, { 'users.js': users(), 'other.js': other })
  const { ask, text, line } = opened
  await text('/count')
  await text('/count')
  const pid = await pidOf(opened)
  const inside = ask('/slow?ms=60000')
  // It is inside when a later one has been answered.
  await text('/version')
  process.kill(pid, 'SIGKILL')
  const { status, text: body } = await inside
  assert.equal(status, 502)
  assert.match(body, /TURNOUT_UPSTREAM_CLOSED/)
  const { fields } = await line('the process of an isolated module died')
  assert.equal(fields['reason'], 'it was ended by SIGKILL')
  assert.equal(await text('/other'), `other ${process.pid}`)
  let answer = ''
  while (answer !== '1') {
    answer = await text('/count')
    assert.match(answer, /^(1|502|503)$/)
  }
  assert.notEqual(await pidOf(opened), pid)
})

test('an exit of its own costs it alone', async (t) => {
  const opened = await open(t, { 'users.js': users(), 'other.js': other })
  const pid = await pidOf(opened)
  assert.equal((await opened.ask('/exit')).status, 502)
  assert.equal(await opened.text('/other'), `other ${process.pid}`)
  const { fields } = await opened.line('the process of an isolated module died')
  assert.equal(fields['reason'], 'it exited with code 3')
  let answer = ''
  while (answer !== '1.0.0') answer = await opened.text('/version')
  assert.notEqual(await pidOf(opened), pid)
})

test('in an endless loop, others are served, its deadline is kept, and it is replaced', async (t) => {
  const modules = { users: { upstream: { timeouts: { headersMs: 500 } } } }
  const opened = await open(t, { 'users.js': users(), 'other.js': other }, { modules })
  const pid = await pidOf(opened)
  let isServing = true
  let others = 0
  const client = async (): Promise<void> => {
    while (isServing) {
      assert.equal(await opened.text('/other'), `other ${process.pid}`)
      others += 1
    }
  }
  const serving = client()
  const { status, text } = await opened.ask('/loop')
  assert.equal(status, 504)
  assert.match(text, /TURNOUT_UPSTREAM_TIMEOUT/)
  const { fields } = await opened.line('the process of an isolated module died')
  assert.equal(fields['reason'], 'it has not answered for 5 s')
  assert.equal(isAlive(pid), false)
  let answer = ''
  while (answer !== '1.0.0') answer = await opened.text('/version')
  isServing = false
  await serving
  assert.ok(others > 10)
})

test('past its memory it is drained and replaced, with its state; its exchanges end', async (t) => {
  const opened = await open(t, { 'users.js': users({ memoryMb: 150 }) })
  await opened.text('/count')
  const pid = await pidOf(opened)
  const inside = opened.ask('/slow?ms=3000')
  await opened.text('/version')
  assert.equal(await opened.text('/keep?mb=120'), 'kept')
  const { fields } = await opened.line('an isolated module is past its memory, and is replaced')
  assert.equal(fields['pid'], pid)
  const answer = await inside
  assert.equal(`${answer.status} ${answer.text}`, '200 1.0.0')
  await until(() => !isAlive(pid))
  assert.notEqual(await pidOf(opened), pid)
  assert.equal(await opened.text('/count'), '2')
})

test('a heap past its cap ends that process alone', async (t) => {
  const text = users({
    memoryMb: 96,
    rest: `routes.get('/heap', () => { const all = []; for (;;) all.push({ at: all.length, text: 'x' + all.length }) })`,
  })
  const opened = await open(t, { 'users.js': text, 'other.js': other })
  assert.equal((await opened.ask('/heap')).status, 502)
  assert.equal(await opened.text('/other'), `other ${process.pid}`)
  await opened.line('the process of an isolated module died')
})

test('replaced, its state goes over, and the process before it is gone', async (t) => {
  const opened = await open(t, { 'users.js': users() })
  const { folder, text, event } = opened
  await text('/count')
  const pid = await pidOf(opened)
  save(folder, 'users.js', users({ version: '2.0.0' }))
  await event(retired('users', '1.0.0'))
  assert.equal(isAlive(pid), false)
  assert.deepEqual([await text('/version'), await text('/count')], ['2.0.0', '2'])
})

const migrating = 'create: () => ({ seen: 0 }), migrate: (old, from) => ({ seen: old.seen, from })'

const moves = [
  ['isolated', 'isolated'],
  ['inline', 'isolated'],
  ['isolated', 'inline'],
] as const

for (const [before, after] of moves) {
  test(`${before} to ${after}: migrate sees the state and the version before`, async (t) => {
    const { folder, text, event } = await open(t, { 'users.js': users({ isolation: before }) })
    await text('/count')
    const next = users({ version: '2.0.0', isolation: after, state: migrating })
    save(folder, 'users.js', next)
    await event(applied('users', '2.0.0'))
    assert.equal(await text('/state'), '{"seen":1,"from":"1.0.0"}')
  })

  test(`${before} to ${after}: what is written late is settled`, async (t) => {
    const { folder, text, event, ask } = await open(t, { 'users.js': users({ isolation: before }) })
    const late = ask('/slow?ms=1500')
    await text('/version')
    const settling = `${migrating}, settle: (own, other) => { own.late = other.seen }`
    save(folder, 'users.js', users({ version: '2.0.0', isolation: after, state: settling }))
    await event(applied('users', '2.0.0'))
    assert.equal(await text('/state'), '{"seen":0,"from":"1.0.0"}')
    assert.equal((await late).text, '1.0.0')
    await event(retired('users', '1.0.0'))
    assert.equal(await text('/state'), '{"seen":0,"from":"1.0.0","late":100}')
  })

  test(`${before} to ${after}: a state that cannot be copied refuses the change`, async (t) => {
    const state = 'create: () => ({ seen: 0, inner: { log: console.log } })'
    const { folder, text, event, told } = await open(t, {
      'users.js': users({ isolation: before, state }),
    })
    await text('/count')
    save(folder, 'users.js', users({ version: '2.0.0', isolation: after, state }))
    await event(refused('users', 'TURNOUT_STATE_UNCLONEABLE'))
    assert.match(JSON.stringify(told.at(-1)), /inner\.log is a function/)
    assert.deepEqual([await text('/version'), await text('/count')], ['1.0.0', '2'])
  })
}

test('replaced again and again under load, no request fails', async (t) => {
  const opened = await open(t, { 'users.js': users() })
  const { folder, ask, event } = opened
  let isServing = true
  const seen = new Map<string, number>()
  const client = async (): Promise<void> => {
    while (isServing) {
      const { status, text, isCut } = await ask('/slow?ms=5')
      const answer = `${status} ${isCut ? 'cut' : text}`
      seen.set(answer, (seen.get(answer) ?? 0) + 1)
    }
  }
  const clients = Array.from({ length: 16 }, client)
  const versions = [1, 2, 3, 4, 5].map((minor) => `1.${minor}.0`)
  for (const version of versions) {
    save(folder, 'users.js', users({ version }))
    await event(applied('users', version))
    await until(() => seen.has(`200 ${version}`))
  }
  isServing = false
  await Promise.all(clients)
  assert.deepEqual(
    [...seen.keys()].sort(),
    ['1.0.0', ...versions].map((version) => `200 ${version}`),
  )
})

test('its onDispose runs before its process ends', async (t) => {
  const rest = `onDispose(async () => { await new Promise((go) => setTimeout(go, 50)); log.info('disposed of') })`
  const { folder, event, lines } = await open(t, { 'users.js': users({ rest }) })
  save(folder, 'users.js', users({ version: '2.0.0' }))
  await event(retired('users', '1.0.0'))
  const [line] = lines.filter(({ message }) => message === 'disposed of')
  assert.equal(line?.fields['module_version'], '1.0.0')
})

test('closed, no process and no socket is left', async (t) => {
  const opened = await open(t, { 'users.js': users() })
  const folders = socketFolders()
  const pid = await pidOf(opened)
  assert.ok(folders.length > 0)
  await opened.turnout.close(1_000)
  assert.equal(isAlive(pid), false)
  assert.equal(opened.lines.filter(({ level }) => level === 'error').length, 0)
})

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

for (const [name, path] of [
  ['idle', '/version'],
  ['in an endless loop', '/loop'],
] as const) {
  test(`${name}, it ends with the worker that is killed`, async (t) => {
    const folder = makeFolder(t, { 'users.js': users() })
    const words = [main, 'serve', folder, '--json', '--port', '0', '--admin', '127.0.0.1:0']
    const server = spawn(process.execPath, [...words, '--data', join(folder, '.data')], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    t.after(() => server.kill('SIGKILL'))
    let said = ''
    server.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
    const port = await until(() => Number(/127\.0\.0\.1:(\d+)[^}]*"admin"/.exec(said)?.[1] ?? 0) || undefined)
    const get = (path: string): Promise<string> =>
      fetch(`http://127.0.0.1:${port}${path}`).then((response) => response.text())
    const pid = Number(await get('/pid'))
    assert.ok(isAlive(pid))
    const asked = request({ port, path, agent: false })
    asked.on('error', () => undefined).on('response', (response) => response.resume())
    asked.end()
    await pause(200)
    server.kill('SIGKILL')
    await until(() => !isAlive(pid))
  })
}

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
  })
}

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
