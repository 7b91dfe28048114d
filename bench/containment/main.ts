// How soon others are served again after each kind of endless loop, and what containment costs an exchange that does no harm:
// `main.js [--rounds N] [--seconds N] [--tail N] [--only loops,tail,cost]`. Each server is a real `turnout serve`.
import { writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { escapes, loops, others } from '../../test/containment/modules.ts'
import { ask, makeFolder, startServe, type Served } from '../../test/hot/support/served.ts'
import { chooseDrive } from '../gateway/load.ts'
import { cpuMsOf } from '../instance/serve.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    /** Seconds of each part of the tail. */
    tail: { type: 'string', default: '60' },
    only: { type: 'string', default: 'loops,tail,cost' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const targetMs = 1_500

const quick = `const step = async (count) => count + 1
export default {
  version: '1.0.0',
  register(routes) {
    routes.get('/ping', (c) => c.text('pong'))
    routes.get('/steps', async (c) => {
      let count = 0
      while (count < 5) count = await step(count)
      return c.json({ count })
    })
  },
}
`

/** What a test gives to what it starts; here it ends with the measurement. */
async function within<Result>(
  files: Readonly<Record<string, string>>,
  config: object,
  workers: number,
  use: (served: Served) => Promise<Result>,
): Promise<Result> {
  const ends: (() => unknown)[] = []
  const scope = { after: (end: () => unknown) => void ends.push(end) } as never
  const folder = makeFolder(scope, files)
  const file = join(folder, '.turnout.config.json')
  writeFileSync(file, JSON.stringify({ ...config, logger: false }))
  try {
    const words = ['--config', file, '--workers', String(workers)]
    return await use(await startServe(scope, folder, { words }))
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

const median = (all: readonly number[]): number =>
  all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!

/** From the request that never ends to the first answer of another module. */
const servedAgain = (code: string): Promise<number> =>
  within({ 'harm.js': code, 'others.js': others }, {}, 1, async ({ port }) => {
    for (let time = 0; time < 20; time += 1) await ask(port, '/others')
    const startedAt = performance.now()
    ask(port, '/harm').catch(() => undefined)
    await pause(50)
    await ask(port, '/others')
    return performance.now() - startedAt
  })

async function printLoops(): Promise<void> {
  console.log('\nmilliseconds until others are served again      median     max')
  for (const { name, code } of loops) {
    const times: number[] = []
    for (let round = 0; round < rounds; round += 1) times.push(await servedAgain(code))
    const figures = [median(times), Math.max(...times)].map((ms) => ms.toFixed(0).padStart(6))
    const verdict = median(times) <= targetMs ? 'reached' : 'MISSED'
    console.log(`${name.padEnd(46)}  ${figures.join('  ')}  ${verdict}: at most ${targetMs}`)
  }
}

/** Milliseconds from when each of so many requests was due; half of them on connections that are kept. */
async function durations(port: number, lastMs: number): Promise<readonly number[]> {
  const kept = new Agent({ keepAlive: true, maxSockets: 32 })
  const all: number[] = []
  const running = new Set<Promise<void>>()
  const startedAt = performance.now()
  for (let sent = 0; sent * betweenMs < lastMs;) {
    const dueAt = startedAt + sent * betweenMs
    if (performance.now() < dueAt) {
      await pause(1)
      continue
    }
    sent += 1
    const agent = sent % 2 === 0 ? kept : false
    const ended = new Promise<void>((resolve) => {
      const end = (): void => {
        all.push(performance.now() - dueAt)
        resolve()
      }
      get({ host: '127.0.0.1', port, path: '/others', agent }, (response) => {
        response.resume().once('end', end)
      }).once('error', end)
    })
    running.add(ended)
    void ended.then(() => running.delete(ended))
  }
  await Promise.all(running)
  kept.destroy()
  return all
}

const betweenMs = 5

const p99 = (all: readonly number[]): number =>
  all.toSorted((a, b) => a - b)[Math.floor(all.length * 0.99)]!

/** What others see in a minute in which a module does harm, beside the minute before; with two workers. */
async function printTail(): Promise<void> {
  const lastMs = Number(values.tail) * 1_000
  console.log('\np99 of others, ms                                before   with it   ratio')
  const cases = [
    ...loops.slice(0, 1).map((harm) => ({ ...harm, everyMs: lastMs })),
    ...escapes.map((harm) => ({ ...harm, everyMs: 1_000 })).slice(0, 2),
  ]
  for (const { name, code, everyMs } of cases)
    await within({ 'harm.js': code, 'others.js': others }, {}, 2, async ({ port }) => {
      await durations(port, 3_000)
      const before = p99(await durations(port, lastMs))
      const harm = (): unknown => ask(port, '/harm').catch(() => undefined)
      const later = setTimeout(harm, 1_000)
      const again = setInterval(harm, everyMs)
      const after = p99(await durations(port, lastMs))
      clearTimeout(later)
      clearInterval(again)
      const figures = [before, after, after / before].map((one) => one.toFixed(2).padStart(7))
      const verdict = after <= before * 2 ? 'reached' : 'MISSED'
      console.log(`${name.padEnd(46)}  ${figures.join('  ')}  ${verdict}: at most twice`)
    })
}

async function printCost(): Promise<void> {
  const { name, drive } = await chooseDrive()
  const times = new Map<string, number[]>()
  for (let round = 0; round < rounds; round += 1)
    for (const containment of [false, true])
      await within({ 'quick.js': quick }, { containment }, 0, async ({ port, pid }) => {
        for (const path of ['/ping', '/steps']) {
          await drive(port, 1, undefined, path)
          const before = cpuMsOf(pid)
          const rate = await drive(port, seconds, undefined, path)
          const us = ((cpuMsOf(pid) - before) * 1000) / (rate * seconds)
          const key = `${path} ${containment ? 'on' : 'off'}`
          times.set(key, [...(times.get(key) ?? []), us])
        }
      })
  console.log(`\nCPU time of the server for an exchange, us (${name})   median    best`)
  for (const [key, all] of [...times].sort(([a], [b]) => a.localeCompare(b)))
    console.log(
      `${`containment ${key}`.padEnd(50)}  ${median(all).toFixed(2)}  ${Math.min(...all).toFixed(2)}`,
    )
}

console.log(`${cpus()[0]?.model}, ${cpus().length} CPUs, Node ${process.version}`)
console.log(`load ${loadavg()[0]!.toFixed(1)}, ${rounds} rounds`)
if (values.only.includes('loops')) await printLoops()
if (values.only.includes('tail')) await printTail()
if (values.only.includes('cost')) await printCost()
