// A storm of changes under a steady load: `main.js [--seconds N] [--changes N] [--tokens N] [--rate N] [--workers N]`. Where `taskset`
// is there, whoever serves has one core; the supervisor, where it is another process, the load and the storm share the
// other. What the storm's own client costs shows in the latencies too: so they are told from when a request was due and
// from when it was sent, and the load goes before the others of its core where the system allows that.
import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { cpus, setPriority } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { fillDataFolder } from '../instance/fill.ts'
import { machine, ms, percentile, quantiles, sizeOf } from '../instance/figures.ts'
import { hasTaskset } from '../gateway/load.ts'
import { pathAt } from '../instance/routes.ts'
import { cpuTimeOf, rssOf } from '../instance/process-stat.ts'
import { cpuMsOf, makeTokens, startServe } from '../instance/serve.ts'
import { runStorm, type StormReport } from './changes.ts'
import type { Phase, PhaseReport } from './load.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    calm: { type: 'string', default: '20' },
    changes: { type: 'string', default: '1000' },
    tokens: { type: 'string', default: '8' },
    routes: { type: 'string', default: '10k' },
    /** Requests per second beside the storm: what `docs/reference/measurements.md` measured updates of peers with. */
    rate: { type: 'string', default: '5000' },
    /** Worker processes; 0: one process takes requests and changes. */
    workers: { type: 'string', default: '0' },
    /** Seconds of storm before the one that is judged; a process that has not warmed up is told apart. */
    warm: { type: 'string', default: '5' },
  },
})
const seconds = Number(values.seconds)
const routes = sizeOf(values.routes)
const root = mkdtempSync(join(process.cwd(), '.turnout-bench-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))

const isPinned = cpus().length > 1 && (await hasTaskset())
if (isPinned) execFileSync('taskset', ['-p', '-c', '1', String(process.pid)])
console.log(machine())
await fillDataFolder(join(root, 'data'), routes)
const served = await startServe(root, isPinned ? 0 : undefined, undefined, Number(values.workers))
// Workers stay; all threads of the supervisor go, and leave the load of their new core the first place, as the storm does.
if (isPinned && Number(values.workers) > 0) {
  execFileSync('taskset', ['-a', '-p', '-c', '1', String(served.pid)])
  for (const pid of [served.pid, process.pid])
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), 15)
}
const tokens = await makeTokens(served, Number(values.tokens))

// A child has the core of its parent.
const load: ChildProcess = fork(fileURLToPath(new URL('./load.js', import.meta.url)), {
  execArgv: [],
})
process.on('exit', () => load.kill())
try {
  setPriority(load.pid!, -10)
} catch {
  console.log('the load has no priority: its latencies have those of the storm in them')
}
const paths = Array.from({ length: 500 }, (_, at) => pathAt(at * Math.floor(routes / 500)))
const run = (perSecond: number | null, durationMs: number): Promise<PhaseReport> =>
  new Promise((resolve, reject) => {
    load.once('message', (report) => resolve(report as PhaseReport))
    load.once('exit', () => reject(new Error('the load ended')))
    const phase: Phase = { port: served.port, paths, connections: 64, perSecond, durationMs }
    load.send(phase)
  })

await run(null, 2_000)
const most = await run(null, 3_000)
const rate = Number(values.rate)
console.log(`the server answers ${most.perSecond}/s of this load; it is given ${rate}/s`)
const cpuTimes = (): readonly number[] => [
  // With its workers.
  cpuTimeOf(served.pid) / 1_000,
  ...[load.pid!, process.pid].map(cpuMsOf),
]
const atCalm = cpuTimes()
const calm = await run(rate, Number(values.calm) * 1_000)
const stormFor = async (durationMs: number): Promise<readonly [StormReport, PhaseReport]> => {
  const { port, adminPort } = served
  const perSecond = Number(values.changes)
  const storming = run(rate, durationMs)
  const report = await runStorm({ port, adminPort, tokens, perSecond, durationMs, routes })
  return [report, await storming]
}
const atCold = cpuTimes()
const [coldStorm, underCold] = await stormFor(Number(values.warm) * 1_000)
const atStorm = cpuTimes()
const [storm, under] = await stormFor(seconds * 1_000)
const atEnd = cpuTimes()
const rss = rssOf(served.pid) * 1_024
load.removeAllListeners('exit')
load.kill()
await served.stop()

const tellLoad = (name: string, report: PhaseReport): void => {
  console.log(
    `${name}: ${report.answered} answered (${report.perSecond}/s), ${report.failed} failed${report.firstFault === null ? '' : ` (${report.firstFault})`}; since due ${quantiles(report.sinceDue)}; since sent ${quantiles(report.sinceSent)}`,
  )
}
tellLoad('calm ', calm)
tellLoad('cold ', underCold)
tellLoad('storm', under)
const { offered, accepted, notOffered, stale, broken, withoutRetryAfter } = storm
console.log(
  `changes: ${offered} offered by ${tokens.length} tokens (${(offered / seconds).toFixed(0)}/s), ${notOffered} more found no free connection, ${accepted} accepted (${(accepted / seconds).toFixed(0)}/s), ${broken} broken${storm.firstFault === null ? '' : ` (${storm.firstFault})`}`,
)
for (const [what, count] of storm.refused) console.log(`  ${count} refused: ${what}`)
console.log(`  answered after ${quantiles(storm.answerMs)}`)
console.log(
  `  live after ${quantiles(storm.liveMs)}, at most ${ms(Math.max(...storm.liveMs))}; ${stale} requests after an answer were served by what was before`,
)
const shares = (from: readonly number[], to: readonly number[], lasted: number): string => {
  const [server, generator, own] = to.map((at, index) => {
    return `${(((at - from[index]!) / (lasted * 1_000)) * 100).toFixed(0)}%`
  })
  return `server ${server}, load ${generator}, storm ${own}`
}
console.log(`CPU of a core, calm:  ${shares(atCalm, atCold, Number(values.calm))}`)
console.log(`CPU of a core, storm: ${shares(atStorm, atEnd, seconds)}`)
console.log(
  `cold, the first ${values.warm} s: ${coldStorm.accepted} accepted, live after ${quantiles(coldStorm.liveMs)}, at most ${ms(Math.max(...coldStorm.liveMs))}`,
)
console.log(`RSS of the server at the end: ${(rss / 1_000_000).toFixed(0)} MB`)

const verdict = (isReached: boolean, what: string): void =>
  console.log(`${isReached ? 'reached' : 'MISSED '}  ${what}`)
const ratioDue = percentile(under.sinceDue, 0.99) / percentile(calm.sinceDue, 0.99)
const ratioSent = percentile(under.sinceSent, 0.99) / percentile(calm.sinceSent, 0.99)
verdict(under.failed === 0 && broken === 0, 'no failed request')
verdict(ratioDue <= 2, `p99 under the storm at most 2x the calm one: ${ratioDue.toFixed(2)}x`)
verdict(ratioSent <= 2, `the same since sent: ${ratioSent.toFixed(2)}x`)
verdict(accepted / seconds >= 200, `200 accepted changes per second`)
verdict(
  stale === 0 && Math.max(...storm.liveMs) <= 1_000,
  `every accepted change live within 1 s, and after its answer`,
)
verdict(withoutRetryAfter === 0, `every refusal had Retry-After`)
