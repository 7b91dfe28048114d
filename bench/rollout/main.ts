// When a bad version is found out, by a real `turnout serve` under load: `main.js [--runs N] [--only plain,canary,slow]`.
// `plain`: a saved module fails 50 % of its requests. `canary`: the same as the canary of a rollout at 5 %. `slow`: one
// whose times are 15 % longer, at about 400 requests a second, both ways. Bad answers are those that clients got.
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { machine, median } from '../instance/figures.ts'
import { startServe, type Served } from '../instance/serve.ts'
import { Wire } from '../instance/wire.ts'
import { startLoad, type Load } from './load.ts'
import { save, versions } from './versions.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: 'plain,canary,slow' },
  },
})
/** How long `serve` watches a change, and a little. */
const watchedMs = 61_000
const only = new Set(values.only.split(','))

/** A serve that is under load, and its admin API. */
interface Bench {
  readonly load: Load
  readonly perSecond: number
  readonly save: (name: string, text: string) => void
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of the API
  readonly ask: (method: string, path: string, body?: object) => Promise<any>
}

/** What a run came to. */
interface Run {
  readonly perSecond: number
  /** Bad answers that clients had when it was decided. */
  readonly bad: number
  /** From the 50th bad answer to the decision; negative: there were fewer. */
  readonly afterMs: number
  /** Share of all answers that was bad, from the first to the last bad one. */
  readonly share: number
  /** From the beginning to the decision. */
  readonly tookMs: number
  /** Exchanges of the new version: since the apply, or in the window that it was decided by. */
  readonly samples: number
}

async function withServe<Result>(
  files: Readonly<Record<string, string>>,
  connections: number,
  warmMs: number,
  use: (bench: Bench) => Promise<Result>,
): Promise<Result> {
  const root = mkdtempSync(join(process.cwd(), '.turnout-bench-'))
  const routes = join(root, 'routes')
  for (const [name, text] of Object.entries(files)) save(routes, name, text)
  let served: Served | null = null
  try {
    served = await startServe(root)
    const { port, adminPort, token } = served
    const wire = new Wire(adminPort)
    const load = startLoad(port, connections)
    const perSecond = await load.rate(warmMs)
    const result = await use({
      load,
      perSecond,
      save: (name, text) => save(routes, name, text),
      ask: async (method, path, body) => {
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
        const text = body === undefined ? '' : JSON.stringify(body)
        const answer = await wire.ask({ method, path, headers, body: text })
        if (answer.status >= 300) throw new Error(answer.body)
        return JSON.parse(answer.body)
      },
    })
    await load.stop()
    wire.close()
    return result
  } finally {
    await served?.stop()
    rmSync(root, { recursive: true, force: true })
  }
}

function runOf(
  { load, perSecond }: Bench,
  startedAt: number,
  decidedAt: number,
  allBefore: number,
  samples: number,
): Run {
  const { badAt } = load
  const bad = badAt.filter((at) => at <= decidedAt).length
  const fiftieth = badAt[49]
  return {
    perSecond,
    bad,
    afterMs: fiftieth === undefined || bad < 50 ? -1 : decidedAt - fiftieth,
    share: badAt.length / (load.all() - allBefore),
    tookMs: decidedAt - startedAt,
    samples,
  }
}

/** A file is saved, and taken back by itself. */
const plain = (before: string, after: string, connections: number): Promise<Run | null> =>
  withServe({ 'users.js': before }, connections, 3_000, async (bench) => {
    bench.save('users.js', after)
    const applied = await revision(bench, isSaved)
    if (applied === null) throw new Error('the file was not applied')
    const allBefore = bench.load.all()
    const back = await revision(bench, ({ takesBack }) => takesBack === applied.number)
    if (back === null) return null
    // The reason has the figures in it, but not how many there were.
    const startedAt = Date.parse(applied.at)
    const decidedAt = Date.parse(back.at)
    const samples = Math.round(((decidedAt - startedAt) / 1_000) * bench.perSecond)
    return runOf(bench, startedAt, decidedAt, allBefore, samples)
  })

interface Row {
  readonly number: number
  readonly at: string
  readonly author: string
  readonly takesBack: number | null
}

const isSaved = ({ number, author }: Row): boolean => author === 'files' && number > 1

/** Null: it did not come while a change is watched. */
async function revision({ ask }: Bench, isMeant: (row: Row) => boolean): Promise<Row | null> {
  const until = Date.now() + watchedMs
  while (Date.now() < until) {
    const { items } = (await ask('GET', '/api/revisions?limit=3')) as { items: readonly Row[] }
    const found = items.find(isMeant)
    if (found !== undefined) return found
    await pause(10)
  }
  return null
}

/** A version is rolled out, and aborted by itself. */
const rolledOut = (
  before: string,
  after: string,
  connections: number,
  plan: object,
): Promise<Run | null> =>
  withServe({ 'users/1.3.0.js': before }, connections, 3_000, async (bench) => {
    bench.save('users/2.0.0.js', after)
    await revision(bench, isSaved)
    const key = { kind: 'header', name: 'x-user' }
    await bench.ask('POST', '/api/rollouts', { module: 'users@2.0.0', plan: { key, ...plan } })
    const allBefore = bench.load.all()
    for (;;) {
      const { status, startedAt, endedAt } = await bench.ask('GET', '/api/rollouts/users')
      if (status === 'promoted') return null
      if (status === 'aborted') {
        const { items } = await bench.ask('GET', '/api/rollouts/users/measurements')
        const samples = items[0].canary.requests as number
        return runOf(bench, Date.parse(startedAt), Date.parse(endedAt), allBefore, samples)
      }
      await pause(10)
    }
  })

const runs = Number(values.runs)

async function tell(name: string, run: () => Promise<Run | null>, isSlow = false): Promise<void> {
  const all: Run[] = []
  for (let at = 0; at < runs; at += 1) {
    const one = await run()
    if (one !== null) all.push(one)
  }
  const found = all.length === runs ? '' : `found in ${all.length} of ${runs} runs; `
  if (all.length === 0) return console.log(`${name}: ${found}`)
  const of = (pick: (one: Run) => number): number => median(all.map(pick))
  const worst = (pick: (one: Run) => number): number => Math.max(...all.map(pick))
  const rate = `${of(({ perSecond }) => perSecond).toFixed(0)} requests/s`
  if (isSlow) {
    const took = ({ tookMs }: Run): number => tookMs / 1_000
    console.log(
      `${name}: ${found}${rate}; decided after ${of(took).toFixed(1)} s (at most ${worst(took).toFixed(1)}), ${of(({ samples }) => samples).toFixed(0)} exchanges of the new version`,
    )
    return
  }
  const bad = ({ bad: count }: Run): number => count
  const after = all.map(({ afterMs }) => afterMs)
  const waits = after.some((one) => one >= 0)
    ? `${Math.max(0, median(after)).toFixed(0)} ms after the 50th (at most ${Math.max(...after)})`
    : 'before the 50th'
  const share = ({ share: one }: Run): number => one * 100
  console.log(
    `${name}: ${found}${rate}; ${of(bad).toFixed(0)} bad answers until the decision (at most ${worst(bad)}), ${waits}; ${of(share).toFixed(1)} % of all answers since it began (at most ${worst(share).toFixed(1)} %)`,
  )
}

console.log(`${machine()}; medians of ${runs} runs`)
const { good, bad, steady, slower } = versions
if (only.has('plain')) await tell('fails half, saved', () => plain(good, bad, 32))
const five = { steps: ['weight 5', 'analysis', 'watch 10s'] }
if (only.has('canary')) await tell('fails half, canary 5 %', () => rolledOut(good, bad, 32, five))
const quarter = {
  steps: ['weight 25', 'analysis', 'watch 10s'],
  analysis: { window: '30s', interval: '10s' },
}
if (only.has('slow')) {
  await tell('15 % slower, saved', () => plain(steady, slower, 24), true)
  await tell('15 % slower, canary 25 %', () => rolledOut(steady, slower, 24, quarter), true)
}
