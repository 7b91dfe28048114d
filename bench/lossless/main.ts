// What those who are being served notice of a change each second: `main.js [--rounds N] [--seconds N] [--rate N]
// [--only A,B]`. 56 kept connections and 8 clients that open a new one for each request ask for one route at a steady rate,
// first without changes and then with them; each change gives the route another text. Server on core 0, load on core 1.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  caddy,
  nginx,
  turnout,
  turnoutWorker,
  type Changed,
  type StartChanged,
} from '../change/servers.ts'
import { hasTaskset } from '../gateway/load.ts'
import { claim, machine, median, monotonicMs, table } from '../instance/figures.ts'
import { pathAt } from '../instance/routes.ts'
import { startSteadyLoad, type Phase, type PhaseReport } from '../instance/steady.ts'
import { buildGo, isInstalled } from '../proxy/native.ts'
import { ginBeside, ginRestarted, haproxy, haproxyMap } from './servers.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '10' },
    rate: { type: 'string', default: '5000' },
    only: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const routes = 10

const root = mkdtempSync(join(tmpdir(), 'turnout-bench-lossless-'))
// The workers of nginx are somebody else, where root starts it.
chmodSync(root, 0o755)
process.once('exit', () => rmSync(root, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

interface Peer {
  readonly name: string
  readonly command: string | null
  readonly start: StartChanged
}

const all: readonly Peer[] = [
  { name: 'Turnout', command: null, start: turnout },
  { name: 'Turnout with a worker', command: null, start: turnoutWorker },
  { name: 'nginx -s reload', command: 'nginx', start: nginx },
  { name: 'Caddy PATCH', command: 'caddy', start: caddy },
  { name: 'HAProxy reload', command: 'haproxy', start: haproxy },
  { name: 'HAProxy set map', command: 'haproxy', start: haproxyMap },
  { name: 'Gin restarted', command: 'go', start: ginRestarted },
  { name: 'Gin SO_REUSEPORT', command: 'go', start: ginBeside },
]

interface Change {
  readonly content: string
  readonly sentAt: number
  readonly answeredAt: number
}

interface Run {
  readonly base: PhaseReport
  readonly changing: PhaseReport
  /** Milliseconds of each change: until its answer, from there to the first new answer and to the last old one. */
  readonly answered: readonly number[]
  readonly first: readonly number[]
  readonly last: readonly number[]
}

const isPinned = cpus().length > 1 && (await hasTaskset())
const [serverCpu, loadCpu] = isPinned ? [0, 1] : [undefined, undefined]

/** One each second, the first after half of one. */
const changeFor = async (server: Changed, round: number): Promise<readonly Change[]> => {
  const startedAt = monotonicMs()
  const changes: Change[] = []
  for (let at = 0; at < seconds; at += 1) {
    await wait(Math.max(0, startedAt + at * 1_000 + 500 - monotonicMs()))
    const content = `v${round}-${at + 1}`
    const sentAt = monotonicMs()
    await server.change(0, content)
    changes.push({ content, sentAt, answeredAt: monotonicMs() })
  }
  return changes
}

const measure = async ({ name, start }: Peer, round: number): Promise<Run> => {
  const folder = join(root, `${round}-${name.replaceAll(/\W+/g, '-')}`)
  const server = await start(folder, routes, serverCpu)
  const load = startSteadyLoad(loadCpu)
  const steady: Phase = {
    port: server.port,
    paths: [pathAt(0)],
    kept: 56,
    fresh: 8,
    perSecond: Number(values.rate),
    durationMs: seconds * 1_000,
    isSpinning: true,
    isFollowed: true,
  }
  await load.run({ ...steady, perSecond: null, durationMs: 2_000, isFollowed: false })
  const base = await load.run(steady)
  const [changing, changes] = await Promise.all([load.run(steady), changeFor(server, round)])
  load.stop()
  await server.stop()
  const seen = new Map(changing.contents)
  const before = ['v0', ...changes.map(({ content }) => content)]
  const first = changes.map(({ content, answeredAt }) => {
    const firstAt = seen.get(content)?.firstAt ?? Infinity
    return Math.max(0, firstAt - answeredAt)
  })
  const last = changes.map(({ answeredAt }, at) => {
    const ends = before.slice(0, at + 1).map((content) => seen.get(content)?.lastAt ?? 0)
    return Math.max(0, Math.max(...ends) - answeredAt)
  })
  const answered = changes.map(({ sentAt, answeredAt }) => answeredAt - sentAt)
  return { base, changing, answered, first, last }
}

const isHere = ({ command }: Peer): boolean =>
  command === null ||
  (command === 'go' ? buildGo(join(root, 'gin'), 'lossless/server.go') : isInstalled(command))

const wanted = all.filter(({ name }) => values.only?.split(',').includes(name) ?? true)
const peers = wanted.filter(isHere)
for (const { name } of wanted.filter((peer) => !peers.includes(peer)))
  console.log(`${name}: left out, it is not installed`)
console.log(machine())
console.log(
  `${values.rate} requests per second, ${rounds} rounds of ${seconds} s without and ${seconds} s with ${seconds} changes, ${isPinned ? 'pinned' : 'not pinned'}`,
)
const runs = new Map<Peer, Run[]>(peers.map((peer) => [peer, []]))
for (let round = 0; round < rounds; round += 1) {
  // Each round begins with another one, so that nobody always follows the same neighbour.
  for (let at = 0; at < peers.length; at += 1) {
    const peer = peers[(at + round) % peers.length]!
    runs.get(peer)!.push(await measure(peer, round))
  }
}

const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0)
const text = (value: number): string => value.toFixed(2)
const most = (list: readonly number[]): string =>
  `${text(median(list))} (${text(Math.max(...list))})`

/** Medians of the rounds, and the longest of all. */
const times = (list: readonly PhaseReport[]): string[] => {
  const middle = (of: (report: PhaseReport) => number): string => text(median(list.map(of)))
  return [
    `${middle(({ sinceDue }) => sinceDue.p50)} ${middle(({ sinceDue }) => sinceDue.p99)}`,
    text(Math.max(...list.map(({ sinceDue }) => sinceDue.max))),
    middle((report) => report.late.p99),
  ]
}

const head = ['', 'failed of', 'dropped', 'said so']
const timed = (when: string): string[] => [`${when}: p50 p99`, 'max', 'late p99']
const ofChanges = ['command took', 'then first new', 'last old']
const rows = [...runs].map(([{ name }, list]) => {
  const changing = list.map((run) => run.changing)
  return [
    name,
    `${sum(changing.map(({ failed }) => failed))} of ${sum(changing.map(({ requests }) => requests))}`,
    String(sum(changing.map(({ dropped }) => dropped))),
    String(sum(changing.map(({ announced }) => announced))),
    ...times(list.map(({ base }) => base)),
    ...times(changing),
    ...(['answered', 'first', 'last'] as const).map((key) => most(list.flatMap((run) => run[key]))),
  ]
})
console.log(
  '\nms. Of answers: since they were due, p50 and p99 as medians of the rounds, beside the p99 of how late the load itself was. Of changes: the median (and the most)',
)
table([[...head, ...timed('calm'), ...timed('changing'), ...ofChanges], ...rows])
for (const [{ name }, list] of runs) {
  const calm = sum(list.map(({ base }) => base.failed + base.dropped))
  if (calm > 0) console.log(`${name}: ${calm} failed or dropped without changes`)
  const faults = new Map<string, number>()
  for (const [what, count] of list.flatMap(({ changing }) => changing.faults))
    faults.set(what, (faults.get(what) ?? 0) + count)
  for (const [what, count] of faults) console.log(`${name}: ${count} failed, ${what}`)
}
console.log('')
for (const [{ name }, list] of runs) {
  if (!name.startsWith('Turnout')) continue
  const failed = sum(list.map(({ changing }) => changing.failed))
  const dropped = sum(list.map(({ changing }) => changing.dropped))
  const worst = Math.max(...list.flatMap(({ first }) => first))
  claim(failed === 0, `${name}: no failed request: ${failed}`)
  claim(dropped === 0, `${name}: no connection dropped: ${dropped}`)
  claim(
    worst <= 5,
    `${name}: first new answer within 5 ms of the admin answer: ${worst.toFixed(2)} ms at most`,
  )
}
console.log(machine().replace('load before', 'load after'))
