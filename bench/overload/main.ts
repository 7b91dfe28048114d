// What becomes of a worker that is asked three times what it can do: `main.js [--seconds N] [--policies A,B] [--times N]`.
// A handler of 2 ms of work and 20 ms of waiting, the load from a process of its own, arrivals by chance, clients that wait
// for 2 s. Server on core 0, load on core 1.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { hasTaskset } from '../gateway/load.ts'
import { machine } from '../instance/figures.ts'
import type { Fate, Phase } from './load.ts'

const run = promisify(execFile)
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    policies: { type: 'string', default: 'none,24,ours' },
    times: { type: 'string', default: '3' },
  },
})
const seconds = Number(values.seconds)
const times = Number(values.times)
const isPinned = await hasTaskset()

const wordsOn = (cpu: number, words: readonly string[]): [string, string[]] =>
  isPinned
    ? ['taskset', ['-c', String(cpu), process.execPath, ...words]]
    : [process.execPath, [...words]]

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

async function open(policy: string): Promise<{ child: ChildProcess; port: number }> {
  const [command, words] = wordsOn(0, [fileOf('./server.js'), policy])
  const child = spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  process.once('exit', () => child.kill())
  const [port] = (await once(child, 'message')) as [number]
  return { child, port }
}

interface Row {
  readonly phase: number
  readonly at: number
  readonly fate: Fate
  readonly took: number
}

async function load(port: number, phases: readonly Phase[]): Promise<readonly Row[]> {
  const [command, words] = wordsOn(1, [fileOf('./load.js'), String(port), JSON.stringify(phases)])
  const { stdout } = await run(command, words, { maxBuffer: 256 * 1024 * 1024 })
  return stdout.split('\n').map((line) => {
    const [phase, at, fate, took] = line.split(' ')
    return { phase: Number(phase), at: Number(at), fate: fate as Fate, took: Number(took) }
  })
}

const share = (rows: readonly Row[], part: number): number => {
  const sorted = rows.map(({ took }) => took).sort((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN
}

const of = (rows: readonly Row[], phase: number, fate?: Fate): readonly Row[] =>
  rows.filter((row) => row.phase === phase && (fate === undefined || row.fate === fate))

/** Seconds from the end of the overload until every later tenth of a second is all answered, and quickly. */
function recovery(rows: readonly Row[], quickMs: number): number {
  const bad = rows.filter(({ fate, took }) => fate !== 'ok' || took > quickMs)
  return bad.reduce((latest, { at }) => Math.max(latest, at), 0) / 1_000
}

const ms = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`

/** The first seconds of an overload, in which a policy finds out; they are told apart. */
const settling = 2_000

async function measure(policy: string, peak: number, unloaded: number): Promise<void> {
  const { child, port } = await open(policy)
  await load(port, [{ rate: peak / 10, ms: 2_000 }])
  const rows = await load(port, [
    { rate: peak * times, ms: settling + seconds * 1_000 },
    { rate: peak / 2, ms: 6_000 },
  ])
  child.kill()
  const overload = of(rows, 0)
  const steady = overload.filter(({ at }) => at >= settling)
  const first = overload.filter(({ at }) => at < settling)
  const ok = of(steady, 0, 'ok')
  const goodput = ok.length / seconds
  const fates = (['shed', 'lost'] as const).map(
    (fate) => `${(of(steady, 0, fate).length / seconds).toFixed(0)}/s ${fate}`,
  )
  const after = of(rows, 1)
  console.log(`
${policy}
  goodput        ${goodput.toFixed(0)}/s, ${((goodput / peak) * 100).toFixed(0)} % of the peak; ${fates.join(', ')}
  accepted       p50 ${ms(share(ok, 0.5))}, p99 ${ms(share(ok, 0.99))}: ${(share(ok, 0.99) / unloaded).toFixed(1)} times unloaded
  shed reply     p50 ${ms(share(of(steady, 0, 'shed'), 0.5))}, p99 ${ms(share(of(steady, 0, 'shed'), 0.99))}
  first 2 s      ${(of(first, 0, 'ok').length / 2).toFixed(0)}/s, p99 ${ms(share(of(first, 0, 'ok'), 0.99))}
  recovery       ${recovery(after, unloaded * 5).toFixed(1)} s until every answer is a good one within 5 times unloaded`)
  if (policy !== 'ours') return
  const reached = [
    goodput >= 0.8 * peak,
    share(ok, 0.99) <= 5 * unloaded,
    recovery(after, unloaded * 5) <= 2,
  ].every(Boolean)
  console.log(
    `\n${reached ? 'reached' : 'MISSED'}  at ${times} times the peak: goodput at least 80 % of it, accepted p99 at most 5 times unloaded, recovery within 2 s`,
  )
}

console.log(machine())
const { child, port } = await open('none')
await load(port, [{ rate: 0, ms: 2_000 }])
const calm = await load(port, [{ rate: 20, ms: 6_000 }])
const [closed] = [await load(port, [{ rate: 0, ms: 5_000 }])]
child.kill()
const unloaded = share(calm, 0.99)
const peak = closed.filter(({ fate }) => fate === 'ok').length / 5
console.log(
  `unloaded (20/s): p50 ${ms(share(calm, 0.5))}, p99 ${ms(unloaded)}; peak (32 under way): ${peak.toFixed(0)}/s, p99 ${ms(share(closed, 0.99))}; ${isPinned ? 'pinned' : 'not pinned'}`,
)
for (const policy of values.policies.split(',')) await measure(policy, peak, unloaded)
