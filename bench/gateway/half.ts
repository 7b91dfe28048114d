// How long an answer takes at half of what a server can do: `half.js [--rounds N] [--seconds N] [--only A,B]`. First the
// most that each answers in a closed loop, then a steady rate from our own load: half of that of node:http for all, and
// half of each server's own. Server on core 0, load on core 1; rounds are interleaved, figures are medians. nginx shows
// what is of the load itself. What others did on the machine meanwhile is told; beside more than 5 % of a core it is
// measured again, `--tries N` times at most, and the quietest counts.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { claim, machine, median, table } from '../instance/figures.ts'
import { cpuTimeOf, cpuTimeOfAll } from '../instance/process-stat.ts'
import { startSteadyLoad, type PhaseReport } from '../instance/steady.ts'
import { isInstalled } from '../proxy/native.ts'
import { chooseDrive, hasTaskset } from './load.ts'
import type { ServerName } from './names.ts'
import { startHello } from './start.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    tries: { type: 'string', default: '2' },
    only: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const mostSeconds = Math.min(3, seconds)
const warmSeconds = 10
const usual: readonly ServerName[] = ['node:http', 'fastify', 'turnout with middleware', 'nginx']
const names = usual.filter(
  (name) =>
    name === 'node:http' ||
    ((values.only?.split(',').includes(name) ?? true) &&
      (name !== 'nginx' || isInstalled('nginx'))),
)

const folder = mkdtempSync(join(tmpdir(), 'turnout-bench-half-'))
// The workers of nginx are somebody else, where root starts it.
chmodSync(folder, 0o755)
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

interface Steady extends PhaseReport {
  readonly rate: number
  /** What part of a core they used: the server, the load, and those that are none of ours. */
  readonly server: number
  readonly load: number
  readonly others: number
}

interface Run {
  readonly most: number
  /** At half of node:http's rate, and at half of its own. */
  readonly same: Steady
  readonly own: Steady
}

const isPinned = cpus().length > 1 && (await hasTaskset())
const [serverCpu, loadCpu] = isPinned ? [0, 1] : [undefined, undefined]
const { name: driver, drive } = await chooseDrive()

const mostOf = async (name: ServerName): Promise<number> => {
  const { port, stop } = await startHello(name, folder, serverCpu)
  await drive(port, 2, loadCpu)
  const most = await drive(port, mostSeconds, loadCpu)
  await stop()
  return most
}

/** With the processes of this one all that are ours. */
const cpuTimes = (server: number, load: number): readonly number[] => [
  cpuTimeOf(server),
  cpuTimeOf(load),
  cpuTimeOf(process.pid),
  cpuTimeOfAll(),
]

const steadyAt = async (port: number, pid: number, rate: number): Promise<Steady> => {
  const load = startSteadyLoad(loadCpu)
  const phase = { port, paths: ['/ping'], kept: 64, fresh: 0, perSecond: rate, isSpinning: true }
  // The load has to warm up as well, and the engine compiles for some seconds on the server's own core.
  await load.run({ ...phase, durationMs: 5_000 })
  let quietest: Steady | undefined
  for (
    let left = Number(values.tries);
    left > 0 && !(quietest && quietest.others < 0.05);
    left -= 1
  ) {
    const before = cpuTimes(pid, load.pid)
    const report = await load.run({ ...phase, durationMs: seconds * 1_000 })
    const [ofServer, ofLoad, ours, all] = cpuTimes(pid, load.pid).map(
      (time, at) => (time - before[at]!) / (seconds * 1e6),
    )
    const one = {
      ...report,
      rate,
      server: ofServer!,
      load: ofLoad!,
      others: Math.max(0, all! - ours!),
    }
    if (quietest === undefined || one.others < quietest.others) quietest = one
  }
  load.stop()
  return quietest!
}

const runs = new Map<ServerName, Run[]>(names.map((name) => [name, []]))
console.log(machine())
console.log(
  `most: ${driver}; ${rounds} rounds of twice ${seconds} s, ${isPinned ? 'pinned' : 'not pinned'}`,
)
for (let round = 0; round < rounds; round += 1) {
  // Each round begins with another one, so that nobody always follows the same neighbour.
  const order = names.map((_, at) => names[(at + round) % names.length]!)
  const most = new Map<ServerName, number>()
  for (const name of order) most.set(name, await mostOf(name))
  for (const name of order) {
    const { port, pid, stop } = await startHello(name, folder, serverCpu)
    // Compiling takes some seconds of the server's own core, of whoever has more code of its own for longer.
    await drive(port, warmSeconds, loadCpu)
    const same = await steadyAt(port, pid, most.get('node:http')! / 2)
    const own = await steadyAt(port, pid, most.get(name)! / 2)
    await stop()
    runs.get(name)!.push({ most: most.get(name)!, same, own })
  }
}

const columns =
  'most/s rate/s p50 p99 p99.9 max left-out p99-of-all late-p99 late-p99.9 server load others failed'

const tell = (what: string, key: 'same' | 'own'): void => {
  const rows = names.map((name) => {
    const list = runs.get(name)!
    const steady = list.map((run) => run[key])
    const middle = (digits: number, of: (one: Steady) => number): string =>
      median(steady.map(of)).toFixed(digits)
    return [
      name,
      median(list.map(({ most }) => most)).toFixed(0),
      middle(0, ({ rate }) => rate),
      middle(3, ({ undisturbed }) => undisturbed.p50),
      middle(3, ({ undisturbed }) => undisturbed.p99),
      middle(3, ({ undisturbed }) => undisturbed.p999),
      middle(2, ({ undisturbed }) => undisturbed.max),
      `${middle(1, ({ undisturbed, answered }) => (1 - undisturbed.count / answered) * 100)} %`,
      middle(3, ({ sinceDue }) => sinceDue.p99),
      middle(3, ({ late }) => late.p99),
      middle(3, ({ late }) => late.p999),
      `${middle(0, ({ server }) => server * 100)} %`,
      `${middle(0, ({ load }) => load * 100)} %`,
      `${middle(0, ({ others }) => others * 100)} %`,
      String(steady.reduce((total, { failed }) => total + failed, 0)),
    ]
  })
  console.log(
    `\n${what}; ms since a request was due; left out: what met a standstill of the load itself`,
  )
  table([['', ...columns.split(' ')], ...rows])
}
tell("half of node:http's most", 'same')
tell('half of its own most', 'own')

console.log('')
for (const key of ['same', 'own'] as const) {
  const turnout = runs.get('turnout with middleware')
  if (turnout === undefined) break
  // Of each round by itself: what a neighbour does in one is not held against the other.
  const peer = runs.get('node:http')!
  const ratio = median(
    turnout.map((run, at) => run[key].undisturbed.p99 / peer[at]![key].undisturbed.p99),
  )
  const where = key === 'same' ? "half of node:http's most" : "half of each one's own most"
  claim(ratio <= 1, `p99 at ${where} no worse than that of node:http: ${ratio.toFixed(2)}x`)
}
console.log(machine().replace('load before', 'load after'))
