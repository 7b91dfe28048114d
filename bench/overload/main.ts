// What becomes of a worker that is asked three times what it can do: `main.js [--seconds N] [--policies A,B]
// [--times N] [--rounds N]`.
// A handler of 2 ms of work and 20 ms of waiting, the load from a process of its own, arrivals by chance, clients that wait
// for 2 s. Server on core 0, load on core 1.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { hasTaskset } from '../gateway/load.ts'
import { machine, median } from '../instance/figures.ts'
import { cpuTimeOf } from '../instance/process-stat.ts'
import type { Fate, Phase } from './load.ts'

const run = promisify(execFile)
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    policies: { type: 'string', default: 'none,24,ours' },
    times: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
  },
})
const seconds = Number(values.seconds)
const times = Number(values.times)
const rounds = Number(values.rounds)
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

/** Seconds from the end of the overload after which nine of ten answers of every quarter of a second are good and quick. */
function recovery(rows: readonly Row[], quickMs: number): number {
  const quarters = new Map<number, { all: number; good: number }>()
  for (const { at, fate, took } of rows) {
    const quarter = Math.floor(at / 250)
    const seen = quarters.get(quarter) ?? { all: 0, good: 0 }
    quarters.set(quarter, seen)
    seen.all += 1
    if (fate === 'ok' && took <= quickMs) seen.good += 1
  }
  const bad = [...quarters].filter(([, { all, good }]) => good < 0.9 * all)
  return bad.reduce((latest, [quarter]) => Math.max(latest, quarter + 1), 0) / 4
}

const ms = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`

/** The first seconds of an overload, in which a policy finds out; they are told apart. */
const settling = 2_000

interface Figures {
  readonly unloaded: number
  readonly peak: number
  readonly goodput: number
  /** Good answers for the same CPU time, as part of those at the peak. */
  readonly work: number
  readonly shed: number
  readonly lost: number
  readonly accepted: number
  readonly shedReply: number
  readonly firstGoodput: number
  readonly first: number
  readonly recovered: number
}

/** Peak and latency without load are measured beside each policy: on a shared machine they are others a minute later. */
async function measure(policy: string): Promise<Figures> {
  const plain = await open('none')
  await load(plain.port, [{ rate: 0, ms: 1_000 }])
  const calm = await load(plain.port, [{ rate: 20, ms: 3_000 }])
  const idleUs = cpuTimeOf(plain.child.pid!)
  const closed = await load(plain.port, [{ rate: 0, ms: 3_000 }])
  const peakUs = cpuTimeOf(plain.child.pid!) - idleUs
  plain.child.kill()
  const unloaded = share(calm, 0.99)
  const good = of(closed, 0, 'ok').length
  const peak = good / 3
  const { child, port } = await open(policy)
  await load(port, [{ rate: peak / 10, ms: 1_000 }])
  const startUs = cpuTimeOf(child.pid!)
  const rows = await load(port, [
    { rate: peak * times, ms: settling + seconds * 1_000 },
    { rate: peak / 2, ms: 4_000 },
  ])
  const us = cpuTimeOf(child.pid!) - startUs
  child.kill()
  const steady = of(rows, 0).filter(({ at }) => at >= settling)
  const first = of(rows, 0, 'ok').filter(({ at }) => at < settling)
  const [ok, shed, lost] = (['ok', 'shed', 'lost'] as const).map((fate) => of(steady, 0, fate))
  return {
    unloaded,
    peak,
    goodput: ok!.length / seconds / peak,
    work: rows.filter(({ fate }) => fate === 'ok').length / us / (good / peakUs),
    shed: shed!.length / seconds,
    lost: lost!.length / seconds,
    accepted: share(ok!, 0.99),
    shedReply: share(shed!, 0.99),
    firstGoodput: (first.length * 1_000) / settling / peak,
    first: share(first, 0.99),
    recovered: recovery(of(rows, 1), unloaded * 5),
  }
}

const percent = (value: number): string => `${(value * 100).toFixed(0)} %`

console.log(machine())
console.log(
  `${times} times the peak for ${settling / 1_000 + seconds} s, then half of it; ${rounds} rounds, medians; ${isPinned ? 'pinned' : 'not pinned'}`,
)
const policies = values.policies.split(',')
const figures = new Map<string, Figures[]>(policies.map((policy) => [policy, []]))
for (let round = 0; round < rounds; round += 1)
  for (const policy of policies) figures.get(policy)!.push(await measure(policy))

for (const policy of policies) {
  const all = figures.get(policy)!
  const middle = (name: keyof Figures): number => median(all.map((one) => one[name]))
  const goodput = middle('goodput')
  const ratio = median(all.map(({ accepted, unloaded }) => accepted / unloaded))
  const recovered = middle('recovered')
  console.log(`
${policy}
  unloaded       p99 ${ms(middle('unloaded'))}; peak ${middle('peak').toFixed(0)}/s
  goodput        ${percent(goodput)} of the peak, ${percent(middle('work'))} by CPU time; ${middle('shed').toFixed(0)}/s shed, ${middle('lost').toFixed(0)}/s lost
  accepted       p99 ${ms(middle('accepted'))}, ${ratio.toFixed(1)} times unloaded
  shed reply     p99 ${ms(middle('shedReply'))}
  first 2 s      ${percent(middle('firstGoodput'))} of the peak, p99 ${ms(middle('first'))}
  recovery       ${recovered.toFixed(2)} s`)
  if (policy !== 'ours') continue
  const isReached = goodput >= 0.8 && ratio <= 5 && recovered <= 2
  console.log(
    `\n${isReached ? 'reached' : 'MISSED'}  goodput at least 80 % of the peak, accepted p99 at most 5 times unloaded, recovery within 2 s`,
  )
}
