import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import type { Holder, RetiredFacts } from '../../src/core/leak.ts'
import { runTurnout } from '../cli/instance-support.ts'
import {
  ask,
  isApplied,
  makeFolder,
  save,
  startServe,
  type Served,
  type ServedEvent,
} from '../hot/support/served.ts'

/** Lines are counted by the tests. */
const leaky = (port: number): string => `import { connect, createServer } from 'node:net'
import { spawn } from 'node:child_process'
const tick = () => undefined
export default {
  version: '1.0.0',
  register(routes, { services }) {
    routes.get('/timer', (c) => {
      setInterval(tick, 60_000)
      setTimeout(() => undefined, 600_000)
      return c.text('ok')
    })
    routes.get('/socket', async (c) => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      await new Promise((resolve) => connect(${port}, '127.0.0.1').once('connect', resolve))
      return c.text('ok')
    })
    routes.get('/server', async (c) => {
      const server = createServer((socket) => socket.end())
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
      return c.text('ok')
    })
    routes.get('/process', (c) => {
      const child = spawn('sleep', ['60'])
      return c.text(String(child.pid))
    })
    routes.get('/closure', (c) => {
      services.bus.handlers.push(() => c)
      return c.text('ok')
    })
    routes.get('/listener', (c) => {
      process.on('SIGUSR2', () => c)
      return c.text('ok')
    })
    routes.get('/global', (c) => {
      globalThis.lastUsers = { show: () => c }
      return c.text('ok')
    })
    routes.get('/data', (c) => {
      globalThis.usersCache = ['one']
      return c.text('ok')
    })
    routes.get('/clean', (c) => {
      const once = setInterval(tick, 60_000)
      clearInterval(once)
      setTimeout(tick, 1)
      return c.text('ok')
    })
  },
}
`

/** Serves on, and collects when it is asked: what nobody holds is gone then. */
const next = `import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
export default {
  version: '2.0.0',
  register(routes) {
    routes.get('/collect', async (c) => {
      collect()
      return c.text('ok')
    })
  },
}
`

const config = `export default {
  resources: { leakGraceMs: 300, leakCollections: 2 },
  services: { bus: { open: () => ({ handlers: [] }) } },
}
`

interface Running {
  readonly served: Served
  /** \`FILE:\`, before the line. */
  readonly file: string
  readonly data: string
  /** What \`turnout status --json\` says of the version before. */
  readonly retired: () => Promise<RetiredFacts | undefined>
  readonly collect: () => Promise<void>
  /** Puts version 2 in place of 1. */
  readonly replace: () => Promise<ServedEvent>
}

async function start(t: TestContext, workers = '1'): Promise<Running> {
  const target = createServer((socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
  t.after(() => target.close())
  const { port } = target.address() as AddressInfo
  const folder = makeFolder(t, { 'turnout.config.js': config, 'routes/users.js': leaky(port) })
  const routes = join(folder, 'routes')
  const served = await startServe(t, routes, {
    words: ['--config', join(folder, 'turnout.config.js'), '--log-level', 'info'],
    environment: { TURNOUT_WORKERS: workers },
  })
  const retired = async (): Promise<RetiredFacts | undefined> => {
    const { out } = await runTurnout(folder, ['status', '--json', '--data', served.data])
    const status = JSON.parse(out) as { readonly retired: readonly RetiredFacts[] }
    return status.retired.find(({ version }) => version === '1.0.0')
  }
  return {
    served,
    file: `${routes}/users.js:`,
    data: served.data,
    retired,
    collect: async () => {
      await ask(served.port, '/collect')
      await wait(200)
    },
    replace: async () => {
      save(routes, 'users.js', next)
      return served.next(isApplied('users', '2.0.0'))
    },
  }
}

const isLeak = ({ event }: ServedEvent): boolean => event === 'leak'

const lineOf = ({ at }: Holder): string => String(at)

test('a module that leaks a timer, a socket and a closure is named with all three, by line', async (t) => {
  const { served, file, retired, replace } = await start(t)
  for (const path of ['/timer', '/socket', '/closure'])
    assert.equal((await ask(served.port, path)).status, 200)
  const told = served.next(isLeak)
  await replace()
  const leak = (await told) as unknown as RetiredFacts
  assert.equal(`${leak.module} ${leak.version}`, 'users 1.0.0')
  const holders = leak.holders.map((one) => `${one.kind} ${one.what} ${lineOf(one)}`).sort()
  assert.match(holders[0]!, /^reference service bus\.handlers\[0\] /)
  assert.match(holders[1]!, /^socket socket to 127\.0\.0\.1:\d+ /)
  const lines = leak.holders.map((one) => `${one.kind} ${lineOf(one).replace(/:\d+$/, '')}`).sort()
  assert.deepEqual(lines, [
    `reference ${file}27`,
    `socket ${file}14`,
    `timer ${file}8`,
    `timer ${file}9`,
  ])
  assert.match(leak.reason!, /timer.*socket|socket.*timer/)
  const shown = (await retired())!
  assert.equal(shown.state, 'leaked')
  const shownLines = shown.holders.map((one) => `${one.kind} ${lineOf(one).replace(/:\d+$/, '')}`)
  assert.deepEqual(shownLines.sort(), lines)
  const line = served
    .log()
    .split('\n')
    .find((one) => one.includes('a replaced module version is still held'))!
  for (const at of ['users.js:8:', 'users.js:14:', 'users.js:27:'])
    assert.ok(line.includes(at), line)
})

/** What each leaves behind, and the kinds and lines that are told of it. */
const cases: readonly { readonly path: string; readonly holders: readonly string[] }[] = [
  { path: '/server', holders: ['server 19'] },
  { path: '/process', holders: ['process 23'] },
  { path: '/listener', holders: ['listener 31'] },
  { path: '/global', holders: ['global 35'] },
  { path: '/data', holders: ['global 39'] },
]

for (const { path, holders } of cases) {
  test(`what ${path.slice(1)} leaves behind is named by its line`, async (t) => {
    const { served, retired, replace } = await start(t)
    const { text } = await ask(served.port, path)
    if (path === '/process') t.after(() => process.kill(Number(text)))
    const told = served.next(isLeak)
    await replace()
    const leak = (await told) as unknown as RetiredFacts
    const found = (all: readonly Holder[]): readonly string[] =>
      all.map((one) => `${one.kind} ${/:(\d+):\d+$/.exec(lineOf(one))?.[1]}`)
    assert.deepEqual(found(leak.holders), holders)
    assert.deepEqual(found((await retired())!.holders), holders)
  })
}

test('a version that gives everything back is collected, and nothing is told of it', async (t) => {
  const { served, retired, replace, collect } = await start(t)
  await ask(served.port, '/clean')
  await replace()
  const states = new Set<string>()
  for (let tries = 0; tries < 50 && !states.has('collected'); tries += 1) {
    await collect()
    const shown = await retired()
    states.add(shown?.state ?? 'none')
    assert.deepEqual(shown?.holders ?? [], [])
  }
  assert.ok(states.has('collected'), [...states].join())
  assert.ok(!states.has('leaked'))
  assert.deepEqual(served.events.filter(isLeak), [])
})

test('what is in two workers is told once, and shown as one', async (t) => {
  const { served, retired, replace } = await start(t, '2')
  for (let turn = 0; turn < 20; turn += 1) await ask(served.port, '/timer')
  await replace()
  await served.next(isLeak, 0)
  let count = 0
  for (let tries = 0; tries < 50 && count < 40; tries += 1) {
    await wait(100)
    const holders = (await retired())?.holders ?? []
    count = holders.reduce((sum, one) => sum + one.count, 0)
  }
  assert.equal(count, 40)
  assert.equal(served.events.filter(isLeak).length, 1)
})
