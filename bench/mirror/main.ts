// What counting costs an exchange, and what copying exchanges costs a server: `main.js [--rounds N] [--seconds N]`. One
// process for each mode; rounds are interleaved; figures are medians of one run.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Recorder } from '../../src/core/rollout/recorder.ts'
import { plainRoute } from '../../src/core/route/route.ts'
import { Exchange } from '../../src/gateway/exchange.ts'
import { createObserver } from '../../src/gateway/observe/observe.ts'
import { Recorders } from '../../src/gateway/observe/recorders.ts'
import { chooseDrive, type Drive } from '../gateway/load.ts'
import { median } from '../instance/figures.ts'
import { cpuTimeOf } from '../instance/process-stat.ts'
import { modes, type Mode } from './names.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)

/** Nanoseconds by exchange, of beginning and ending one: the least of several rounds. */
function costOf(recorders: Recorders | null, kind: 'module' | 'respond'): number {
  const observer = createObserver(recorders, {
    routes: null,
    began: () => undefined,
    ended: () => undefined,
  })
  const target =
    kind === 'module'
      ? ({ kind, module: 'm' } as const)
      : ({ kind, status: 200, headers: {}, body: '' } as const)
  const route = plainRoute('bench', 'bench', 'GET', '/', target)
  const recorder = recorders === null || kind !== 'module' ? null : new Recorder()
  const exchange = new Exchange({} as never, {} as never)
  exchange.status = 200
  const count = 1_000_000
  const round = (): number => {
    const before = performance.now()
    for (let at = 0; at < count; at += 1) {
      if (observer.isTiming) exchange.startedAt = performance.now()
      observer.began(exchange, route)
      if (recorder !== null) exchange.recorder = recorder
      observer.ended(exchange)
    }
    return ((performance.now() - before) * 1e6) / count
  }
  return Math.min(...Array.from({ length: 6 }, round))
}

/** Bytes by recorder, with traffic in so many seconds. */
function memoryOf(busySeconds: number): number {
  const count = 200
  globalThis.gc?.()
  const before = process.memoryUsage()
  const all = Array.from({ length: count }, () => new Recorder())
  for (const recorder of all)
    for (let second = 0; second < busySeconds; second += 1) recorder.record(second * 1000, 3, 200)
  globalThis.gc?.()
  const after = process.memoryUsage()
  const used = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
  return all.length === count ? used / count : NaN
}

async function measure(
  mode: Mode,
  drive: Drive,
): Promise<{ rate: number; us: number; copies: number }> {
  const script = fileURLToPath(new URL('./server.js', import.meta.url))
  const server = spawn(process.execPath, [script, mode], { stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  const port = await new Promise<number>((resolve) =>
    server.stderr.on('data', (bytes: Buffer) => {
      text += bytes.toString()
      const found = /^(\d+)\n/.exec(text)?.[1]
      if (found !== undefined) resolve(Number(found))
    }),
  )
  await drive(port, 1, undefined)
  const before = cpuTimeOf(server.pid!)
  const rate = await drive(port, seconds, undefined)
  const us = (cpuTimeOf(server.pid!) - before) / (rate * seconds)
  const closed = new Promise((resolve) => server.once('close', resolve))
  server.kill()
  await closed
  return { rate, us, copies: Number(/copies (\d+)/.exec(text)?.[1] ?? 0) }
}

console.log('ns by exchange, of counting it')
for (const kind of ['module', 'respond'] as const) {
  const off = costOf(null, kind)
  const on = costOf(new Recorders(), kind)
  console.log(`${kind.padEnd(8)} ${(on - off).toFixed(0).padStart(5)}  (off ${off.toFixed(0)})`)
}
console.log('\nKB by recorder, by seconds with traffic')
for (const busy of [1, 10, 60, 3_600])
  console.log(`${String(busy).padStart(5)} s ${(memoryOf(busy) / 1024).toFixed(0).padStart(5)}`)

const { name, drive } = await chooseDrive()
const runs = new Map<Mode, Awaited<ReturnType<typeof measure>>[]>(modes.map((mode) => [mode, []]))
for (let round = 0; round < rounds; round += 1) {
  for (let at = 0; at < modes.length; at += 1) {
    const mode = modes[(at + round) % modes.length]!
    runs.get(mode)!.push(await measure(mode, drive))
  }
}
console.log(`\n${name}, ${rounds} rounds of ${seconds} s`)
console.log('mode             req/s  us/req  x us/req of `counted`  copies/s')
const middle = (mode: Mode, of: 'rate' | 'us' | 'copies'): number =>
  median(runs.get(mode)!.map((run) => run[of]))
for (const mode of modes) {
  const ratio = middle(mode, 'us') / middle('counted', 'us')
  const figures = [
    middle(mode, 'rate').toFixed(0).padStart(8),
    middle(mode, 'us').toFixed(1).padStart(7),
    ratio.toFixed(2).padStart(22),
    (middle(mode, 'copies') / (seconds + 1)).toFixed(0).padStart(9),
  ]
  console.log(`${mode.padEnd(14)} ${figures.join(' ')}`)
}
