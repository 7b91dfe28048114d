import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { lineProblem } from '../../src/telemetry/log-fields.ts'
import { ask, makeFolder, save } from '../hot/support/served.ts'
import { dataFolder, freePort, startInstance, type Instance } from '../road/support/instance.ts'

type Line = Readonly<Record<string, unknown>>

interface Logged extends Instance {
  readonly folder: string
  readonly lines: () => readonly Line[]
  /** The first line that is meant, once it is there. */
  readonly line: (isMeant: (line: Line) => boolean) => Promise<Line>
}

const patienceMs = 30_000

async function start(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  words: readonly string[] = [],
): Promise<Logged> {
  const folder = makeFolder(t, files)
  const data = dataFolder(t, folder)
  const log = join(makeFolder(t), 'log')
  const instance = await startInstance(t, folder, {
    data,
    log,
    words: ['--workers', '1', ...words],
  })
  const lines = (): readonly Line[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => {
        assert.equal(lineProblem(line), null, line)
        return JSON.parse(line) as Line
      })
  const line: Logged['line'] = async (isMeant) => {
    const endsAt = Date.now() + patienceMs
    while (Date.now() < endsAt) {
      const found = lines().find(isMeant)
      if (found !== undefined) return found
      await delay(50)
    }
    throw new Error(`no such line in ${readFileSync(log, 'utf8')}`)
  }
  return { ...instance, folder, lines, line }
}

const isNamed =
  (message: string, more: Line = {}) =>
  (line: Line): boolean =>
    line['message'] === message &&
    Object.entries(more).every(([name, value]) => line[name] === value)

/** What is another in each run, by its shape. */
const golden = (line: Line): Line =>
  Object.fromEntries(
    Object.entries(line).map(([name, value]) => {
      if (name === 'trace_id')
        return [name, /^[\da-f]{32}$/.test(String(value)) ? '<trace>' : value]
      if (name === 'timestamp' || name === 'pid' || name.endsWith('_ms'))
        return [name, typeof value === 'number' ? '<number>' : value]
      if (name === 'digest' || name === 'until' || name === 'stack')
        return [name, typeof value === 'string' ? `<${name}>` : value]
      return [
        name,
        typeof value === 'string' ? value.replaceAll(/127\.0\.0\.1:\d+/g, '<host>') : value,
      ]
    }),
  )

const head = (level: string, message: string, trace = '<trace>'): Line => ({
  timestamp: '<number>',
  level,
  service_name: 'turnout',
  trace_id: trace,
  message,
})

const users = (version: string, body: string): string =>
  `export default { version: '${version}', register(routes, { log }) {
    routes.get('/users/:id', ${body})
  } }`

const trace = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${trace}-b7ad6b7169203331-01`

test('the lines of a request are those of its trace, and nobody else has them', async (t) => {
  const logged = await start(t, {
    'users.js': users(
      '1.0.0',
      `async (c) => {
        log.info('at once', { id: c.param('id'), password: 'hush' })
        await new Promise((done) => setTimeout(done, 20))
        log.warn('later', { level: 'mine' })
        c.log.info('by the context')
        if (c.param('id') === '2') throw new Error('no such user')
        return c.text(c.traceId)
      }`,
    ),
  })
  const answers = await Promise.all([
    ask(logged.port, '/users/1?token=hush', { traceparent }),
    ask(logged.port, '/users/2'),
  ])
  assert.equal(answers[0].text, trace)
  const failed = await logged.line(isNamed('request', { status: 500 }))
  await logged.line(isNamed('request', { trace_id: trace }))
  const worker = { worker: 1 }
  const own = {
    ...worker,
    module: 'users',
    module_version: '1.0.0',
    route_id: 'users#GET /users/:id',
  }
  const said = logged.lines().filter((line) => line['trace_id'] === trace)
  assert.deepEqual(said.map(golden), [
    { ...head('info', 'at once', '<trace>'), ...own, data: { id: '1', password: '[redacted]' } },
    { ...head('warn', 'later'), ...own, data: { level: 'mine' } },
    { ...head('info', 'by the context'), ...own },
    {
      ...head('info', 'request'),
      ...worker,
      method: 'GET',
      path: '/users/1',
      status: 200,
      duration_ms: '<number>',
      route_id: 'users#GET /users/:id',
      revision: 1,
      module: 'users',
      module_version: '1.0.0',
      sample: 1,
    },
  ])
  const others = logged.lines().filter((line) => line['trace_id'] === failed['trace_id'])
  assert.deepEqual(
    others.map(({ message }) => message),
    ['at once', 'later', 'by the context', 'a handler failed', 'request'],
  )
  assert.deepEqual(golden(others[3]!), {
    ...head('error', 'a handler failed'),
    ...worker,
    method: 'GET',
    path: '/users/2',
    route_id: 'users#GET /users/:id',
    revision: 1,
    error: 'no such user',
    stack: '<stack>',
  })
  // Each process has an id of its own for the rest.
  const rest = logged
    .lines()
    .filter(({ trace_id: id }) => ![trace, failed['trace_id']].includes(id))
  assert.equal(new Set(rest.map(({ trace_id: id }) => id)).size, 1)
})

test('changes, and what becomes of module versions, are lines', async (t) => {
  const logged = await start(t, { 'users.js': users('1.0.0', `(c) => c.text('1')`) })
  save(logged.folder, 'users.js', users('1.1.0', `(c) => c.text('2')`))
  const retired = await logged.line(isNamed('a module version was retired'))
  const applied = await logged.line(isNamed('a revision was applied', { revision: 2 }))
  save(logged.folder, 'users.js', 'export default { register(')
  const rejected = await logged.line(isNamed('a change was rejected'))
  assert.deepEqual(golden(retired), {
    ...head('info', 'a module version was retired'),
    module: 'users',
    module_version: '1.0.0',
    duration_ms: '<number>',
  })
  const { reason, author, ...rest } = golden(applied)
  assert.equal(typeof reason, 'string')
  assert.equal(author, 'files')
  assert.deepEqual(rest, {
    ...head('info', 'a revision was applied'),
    revision: 2,
    digest: '<digest>',
    routes_added: 0,
    routes_removed: 0,
    routes_changed: 0,
    duration_ms: '<number>',
  })
  assert.deepEqual(
    [rejected['level'], rejected['owner'], rejected['module'], rejected['code']],
    ['warn', 'files:users', 'users', 'TURNOUT_MODULE_BUILD_FAILED'],
  )
  assert.equal((rejected['problems'] as readonly string[]).length, 1)
})

test('upstreams: an endpoint that is ejected and a breaker that opens are lines, and requests name them', async (t) => {
  const logged = await start(t, {
    'index.js': `export default { register(routes) { routes.get('/', (c) => c.text('')) } }`,
  })
  const dead = await freePort()
  const endpoint = `http://127.0.0.1:${dead}`
  const breaker = { minimumNumberOfCalls: 6, slidingWindowSize: 6 }
  const outlier = { consecutive5xx: 2, maxEjectionPercent: 100 }
  const body = {
    upstreams: { put: [{ name: 'shop', endpoints: [endpoint], breaker, outlier }] },
    routes: { put: [{ id: 'cart', path: '/cart', target: { upstream: 'shop' } }] },
  }
  const { status } = await logged.send('POST', '/api/changes', { body })
  assert.equal(status, 200)
  for (let at = 0; at < 10; at += 1) await ask(logged.port, '/cart')
  const worker = { worker: 1 }
  assert.deepEqual(golden(await logged.line(isNamed('an endpoint was ejected'))), {
    ...head('warn', 'an endpoint was ejected'),
    ...worker,
    upstream: 'shop',
    endpoint: 'http://<host>',
    cause: 'consecutive-5xx',
    until: '<until>',
  })
  assert.deepEqual(golden(await logged.line(isNamed('a breaker changed'))), {
    ...head('warn', 'a breaker changed'),
    ...worker,
    upstream: 'shop',
    from: 'CLOSED',
    to: 'OPEN',
  })
  assert.deepEqual(golden(await logged.line(isNamed('request', { status: 502 }))), {
    ...head('info', 'request'),
    ...worker,
    method: 'GET',
    path: '/cart',
    status: 502,
    duration_ms: '<number>',
    route_id: 'cart',
    revision: 2,
    upstream: 'shop',
    endpoint: 'http://<host>',
    outcome: 'TURNOUT_UPSTREAM_UNREACHABLE',
    sample: 1,
  })
})

test('what a module does to its process, and its end, are lines', async (t) => {
  const logged = await start(t, {
    'bad.js': `export default { version: '1.0.0', register(routes) {
      routes.get('/stray', (c) => { setTimeout(() => { throw new Error('stray') }); return c.text('') })
      routes.get('/pid', (c) => c.text(String(process.pid)))
    } }`,
  })
  await ask(logged.port, '/stray')
  const offence = golden(await logged.line(isNamed('a module was contained')))
  assert.deepEqual(
    { ...offence, trace_id: '<trace>' },
    {
      ...head('error', 'a module was contained'),
      module: 'bad',
      module_version: '1.0.0',
      kind: 'error',
      detail: 'stray',
      count: 1,
      digest: '<digest>',
      error: 'stray',
      stack: '<stack>',
      ...(offence['method'] === undefined ? {} : { method: 'GET', path: '/stray' }),
    },
  )
  const { text: pid } = await ask(logged.port, '/pid')
  process.kill(Number(pid), 'SIGKILL')
  assert.deepEqual(golden(await logged.line(isNamed('a worker process ended'))), {
    ...head('error', 'a worker process ended'),
    worker: 1,
    pid: '<number>',
    reason: 'SIGKILL',
  })
})

test('of a share of requests, those that failed or were slow are all there', async (t) => {
  const logged = await start(
    t,
    {
      'a.js': `export default { register(routes) {
        routes.get('/ok', (c) => c.text('ok'))
        routes.get('/slow', async (c) => { await new Promise((go) => setTimeout(go, 1_100)); return c.text('') })
        routes.get('/bad', () => { throw new Error('bad') })
      } }`,
    },
    ['--access-log', '0.25'],
  )
  const ids = Array.from(
    { length: 64 },
    (_, at) => `${'1'.repeat(30)}${(at * 4).toString(16).padStart(2, '0')}`,
  )
  const shared = ids.map(
    (id, at) => `${id.slice(0, 24)}${(at * 4).toString(16).padStart(2, '0')}000000`,
  )
  for (const id of shared)
    await ask(logged.port, '/ok', { traceparent: `00-${id}-b7ad6b7169203331-00` })
  for (let at = 0; at < 5; at += 1) await ask(logged.port, '/bad')
  await ask(logged.port, '/slow')
  await logged.line(isNamed('request', { path: '/slow' }))
  const requests = logged.lines().filter(isNamed('request'))
  const of = (path: string): readonly Line[] => requests.filter((line) => line['path'] === path)
  assert.deepEqual(
    of('/ok').map(({ trace_id: id }) => id),
    shared.slice(0, 16),
  )
  assert.ok(of('/ok').every(({ sample }) => sample === 0.25))
  assert.deepEqual(
    [...of('/bad'), ...of('/slow')].map(({ sample }) => sample),
    [1, 1, 1, 1, 1, 1],
  )
})

test(
  'a log that nobody reads any more costs no request, nor the end',
  { skip: process.platform === 'win32' },
  async (t) => {
    const folder = makeFolder(t, {
      'a.js': `export default { register(routes, { log }) {
      const wide = 'x'.repeat(8_000)
      routes.get('/', (c) => { for (let at = 0; at < 20; at += 1) log.info('much', { wide }); return c.text('ok') })
    } }`,
    })
    const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
    const data = dataFolder(t, folder)
    const pipe = join(makeFolder(t), 'pipe')
    execFileSync('mkfifo', [pipe])
    // Somebody has it open, and never reads.
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
    const writer = openSync(pipe, 'w')
    const own = ['--json', '--data', data, '--admin', 'off', '--port', '0', '--workers', '1']
    const child = spawn(process.execPath, [main, 'serve', folder, ...own], {
      cwd: folder,
      stdio: ['ignore', 'pipe', writer],
    })
    closeSync(writer)
    t.after(() => {
      child.kill('SIGKILL')
      closeSync(reader)
    })
    let out = ''
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (out += text))
    while (!out.includes('"ready"')) await delay(20)
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(out)![1])
    const statuses = new Map<number, number>()
    const loop = async (): Promise<void> => {
      for (let at = 0; at < 100; at += 1) {
        const { status } = await ask(port, '/')
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }
    // 40 MB and more: what a pipe and the backlog hold is far less.
    await Promise.all([loop(), loop(), loop()])
    assert.deepEqual([...statuses], [[200, 300]])
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    assert.equal(await ended, 0)
  },
)
