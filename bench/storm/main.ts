// A storm of changes under a steady load: `main.js [--seconds N] [--changes N] [--tokens N] [--rate N] [--workers N]`. Where `taskset`
// is there, whoever serves has one core; the supervisor, where it is another process, the load and the storm share the
// other. What the storm's own client costs shows in the latencies too: so they are told from when a request was due and
// from when it was sent, and the load goes before the others of its core where the system allows that.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fillDataFolder } from '../instance/fill.ts'
import { claim, machine, ms, quantiles, quantilesOf, sizeOf } from '../instance/figures.ts'
import { hasTaskset } from '../gateway/load.ts'
import { pathAt } from '../instance/routes.ts'
import { cpuTimeOf, rssOf } from '../instance/process-stat.ts'
import { cpuMsOf, makeTokens, startServe } from '../instance/serve.ts'
import { putLast } from '../instance/precedence.ts'
import { startSteadyLoad, type PhaseReport } from '../instance/steady.ts'
import { runStorm, type StormReport } from './changes.ts'

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
// Workers stay; all threads of the supervisor go.
if (isPinned && Number(values.workers) > 0)
  execFileSync('taskset', ['-a', '-p', '-c', '1', String(served.pid)])
const tokens = await makeTokens(served, Number(values.tokens))

// A child has the core of its parent.
const load = startSteadyLoad()
const besides = isPinned && Number(values.workers) > 0 ? [process.pid, served.pid] : [process.pid]
if (!besides.every(putLast))
  console.log('the load does not go first: its latencies have those of the storm in them')
const paths = Array.from({ length: 500 }, (_, at) => pathAt(at * Math.floor(routes / 500)))
const run = (perSecond: number | null, durationMs: number): Promise<PhaseReport> =>
  load.run({ port: served.port, paths, kept: 64, fresh: 0, perSecond, durationMs })

await run(null, 2_000)
const most = await run(null, 3_000)
const rate = Number(values.rate)
console.log(`the server answers ${most.perSecond}/s of this load; it is given ${rate}/s`)
const cpuTimes = (): readonly number[] => [
  // With its workers.
  cpuTimeOf(served.pid) / 1_000,
  ...[load.pid, process.pid].map(cpuMsOf),
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
load.stop()
await served.stop()

const tellLoad = (name: string, report: PhaseReport): void => {
  console.log(
    `${name}: ${report.answered} answered (${report.perSecond}/s), ${report.failed} failed${report.failed === 0 ? '' : ` (${report.faults[0]![0]})`}; since due ${quantilesOf(report.sinceDue)}; since sent ${quantilesOf(report.sinceSent)}`,
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

const ratioDue = under.sinceDue.p99 / calm.sinceDue.p99
const ratioSent = under.sinceSent.p99 / calm.sinceSent.p99
claim(under.failed === 0 && broken === 0, 'no failed request')
claim(ratioDue <= 2, `p99 under the storm at most 2x the calm one: ${ratioDue.toFixed(2)}x`)
claim(ratioSent <= 2, `the same since sent: ${ratioSent.toFixed(2)}x`)
claim(accepted / seconds >= 200, `200 accepted changes per second`)
claim(
  stale === 0 && Math.max(...storm.liveMs) <= 1_000,
  `every accepted change live within 1 s, and after its answer`,
)
claim(withoutRetryAfter === 0, `every refusal had Retry-After`)
