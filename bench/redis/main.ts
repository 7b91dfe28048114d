// What clients see of trouble with Redis: `main.js [--seconds N] [--rate N]`. A steady load on routes that come from a
// key, while the key floods, breaks and goes, and while its server stops, restarts empty and evicts. A flood costs the load
// something by itself, so each flood of the key stands beside one of a key that nobody reads, and is compared with it.
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { TestContext } from 'node:test'
import { openRedis } from '../../test/source/redis/server.ts'
import { hasTaskset } from '../gateway/load.ts'
import { machine, median, ms, quantilesOf } from '../instance/figures.ts'
import { putLast } from '../instance/precedence.ts'
import { childrenOf } from '../instance/process-stat.ts'
import { startSteadyLoad, type PhaseReport } from '../instance/steady.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    rate: { type: 'string', default: '2000' },
    floods: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
  },
})
const durationMs = Number(values.seconds) * 1_000
const floods = Number(values.floods)
const changes = 1_000
const key = 'routing_rules'

const cleaning: (() => unknown)[] = []
const context = { after: (clean: () => unknown) => void cleaning.push(clean) }
const redis = await openRedis(context as unknown as TestContext)

/** 500 routes that answer by themselves; the last one says which rules these are. */
const rules = (count: number): string =>
  JSON.stringify(
    Array.from({ length: 500 }, (_, at) => ({
      id: `route-${at}`,
      path: `/route/${at}`,
      target: { respond: { status: 200, body: at === 499 ? `rules ${count}` : 'ok' } },
    })),
  )

const isPinned = cpus().length > 1 && (await hasTaskset())
if (isPinned) execFileSync('taskset', ['-p', '-c', '1', String(process.pid)])
console.log(machine())
await redis.send('SET', key, rules(0))
const server = fork(fileURLToPath(new URL('./server.js', import.meta.url)), [redis.url])
cleaning.push(() => server.kill())
const [{ port }] = (await once(server, 'message')) as [{ readonly port: number }]
if (isPinned) execFileSync('taskset', ['-p', '-c', '0', String(server.pid)])
const load = startSteadyLoad()
cleaning.push(() => load.stop())
// Whoever writes, and Redis, must not keep the load waiting for its core.
const besides = childrenOf(process.pid).filter((pid) => pid !== server.pid && pid !== load.pid)
if (![process.pid, ...besides].every(putLast))
  console.log('the load does not go first: its latencies have those of Redis in them')

const paths = Array.from({ length: 499 }, (_, at) => `/route/${at}`)
const run = (lastMs: number): Promise<PhaseReport> => {
  const perSecond = Number(values.rate)
  return load.run({ port, paths, kept: 32, fresh: 0, perSecond, durationMs: lastMs })
}

const flooding = Array.from({ length: changes }, (_, at) => rules(at + 1))

/** So many values, and each is told of at once. */
async function flood(of: string): Promise<void> {
  const each = durationMs / changes
  const startedAt = performance.now()
  for (let at = 0; at < changes; at += 20) {
    const sets = flooding.slice(at, at + 20).flatMap((value) => [
      ['SET', of, value],
      ['PUBLISH', `${of}:changed`, ''],
    ])
    await redis.sendAll(sets)
    await delay(Math.max(0, startedAt + (at + 20) * each - performance.now()))
  }
}

/** Resolves with the milliseconds until the rules are served. */
async function converged(text: string): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/route/499`)
    if ((await answer.text()) === text) return performance.now() - startedAt
    if (performance.now() - startedAt > 30_000) return Infinity
    await delay(20)
  }
}

const cases: readonly (readonly [name: string, trouble: () => Promise<unknown>])[] = [
  ['calm again', async () => undefined],
  ...Array.from({ length: floods }, (_, at) => [
    [`${changes} changes of another key, ${at + 1}`, () => flood('other')] as const,
    [`${changes} changes of the key, ${at + 1}`, () => flood(key)] as const,
  ]).flat(),
  ['a broken value', () => redis.send('SET', key, '{"routes": [')],
  ['deleted', () => redis.send('DEL', key)],
  ['SIGSTOP', async () => redis.signal('SIGSTOP')],
  [
    'killed, and started again empty',
    async () => {
      await redis.stop()
      await delay(500)
      await redis.start()
    },
  ],
  ['an evicting policy', () => redis.send('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')],
]

interface Held {
  /** Milliseconds beyond its due time that a timer of the server came. */
  readonly p99: number
  readonly most: number
  readonly revision: number
}

async function heldUp(): Promise<Held> {
  server.send('held')
  const [held] = (await once(server, 'message')) as [Held]
  return held
}

await run(3_000)
const calm = await run(durationMs)
const tell = (name: string, { answered, failed, sinceSent }: PhaseReport): void => {
  const ratio = sinceSent.p99 / calm.sinceSent.p99
  console.log(
    `${name.padEnd(38)} ${answered} answered, ${failed} failed; since sent ${quantilesOf(sinceSent)}; p99 ${ratio.toFixed(2)}x`,
  )
}
tell('calm', calm)
let count = changes + 1
const p99s = new Map<string, number[]>()
for (const [name, trouble] of cases) {
  if (!name.includes(values.only)) continue
  const before = await heldUp()
  const running = run(durationMs)
  await trouble()
  const report = await running
  tell(name, report)
  const { p99, most, revision } = await heldUp()
  console.log(
    `  loop of the server held up p99 ${ms(p99)}, at most ${ms(most)}; ${revision - before.revision} revisions`,
  )
  const kind = name.replace(/, \d+$/, '')
  p99s.set(kind, [...(p99s.get(kind) ?? []), report.sinceSent.p99])
  redis.signal('SIGCONT')
  await redis.send('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  count += 1
  await redis.send('SET', key, rules(count))
  const tookMs = await converged(`rules ${count}`)
  console.log(`  served again what the key says after ${(tookMs / 1_000).toFixed(2)} s`)
}
const [own = [], others = []] = [
  `${changes} changes of the key`,
  `${changes} changes of another key`,
].map((name) => p99s.get(name))
console.log(
  `${changes} changes: p99 ${ms(median(own))}, of another key ${ms(median(others))}, ratio ${(median(own) / median(others)).toFixed(2)} (medians of ${floods})`,
)
for (const clean of cleaning.toReversed()) await clean()
process.exit(0)
