// What it costs to see: `main.js [--starts N] [--rounds N] [--seconds N] [--only A,B] [--row NAME={SETTINGS}]...`. A `serve` with
// one worker for each row, all at once; rounds go through them in turn, so that what disturbs the machine disturbs all. Two
// processes that do the same differ by some percent, so all are started anew a few times. A row is what a config says; `--row` adds one. `scraped`: somebody asks for /metrics each second meanwhile.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { emptyTable } from '../../src/core/route/table.ts'
import type { Exchange } from '../../src/gateway/exchange.ts'
import { ExchangeCounts } from '../../src/gateway/observe/exchange-counts.ts'
import { chooseDrive } from '../gateway/load.ts'
import { machine, median } from '../instance/figures.ts'
import { cpuTimeOf } from '../instance/process-stat.ts'
import { startServe, type Served } from '../instance/serve.ts'
import { Wire } from '../instance/wire.ts'

interface Row {
  readonly name: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly isScraped?: boolean
}

const off = { metrics: false, logger: false, resources: false }
const setup = './otel.mjs'
const usual: readonly Row[] = [
  { name: 'all off', settings: off },
  { name: 'metrics', settings: { ...off, metrics: true } },
  { name: 'metrics, scraped', settings: { ...off, metrics: true }, isScraped: true },
  { name: 'access log', settings: { ...off, logger: true } },
  { name: 'access log, 1 %', settings: { ...off, logger: true, accessLog: { sample: 0.01 } } },
  { name: 'traces, 1 %', settings: { ...off, tracing: { sample: 0.01, setup } } },
  { name: 'traces, all', settings: { ...off, tracing: { sample: 1, setup } } },
  { name: 'resources', settings: { ...off, resources: {} } },
  { name: 'usual, scraped', settings: { logger: true }, isScraped: true },
]

const { values } = parseArgs({
  options: {
    starts: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string' },
    row: { type: 'string', multiple: true, default: [] },
  },
})
const added = values.row.map((text): Row => {
  const at = text.indexOf('=')
  const settings = JSON.parse(text.slice(at + 1)) as Row['settings']
  return { name: text.slice(0, at), settings: { ...off, ...settings } }
})
const wanted = values.only?.split(',').map((name) => name.trim())
const rows = [
  ...usual.filter(({ name }, at) => at === 0 || wanted === undefined || wanted.includes(name)),
  ...added,
]
const starts = Number(values.starts)
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const root = mkdtempSync(join(process.cwd(), '.turnout-bench-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))

const serve = (settings: Row['settings'], at: number): Promise<Served> => {
  const folder = join(root, String(at))
  mkdirSync(join(folder, 'routes'), { recursive: true })
  writeFileSync(
    join(folder, 'routes', 'ping.js'),
    `const hello = { message: 'pong' }
export default { register: (routes) => void routes.get('/ping', (c) => c.json(hello)) }\n`,
  )
  // Spans are made and batched as in a service, and sent nowhere.
  writeFileSync(
    join(folder, 'otel.mjs'),
    `import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
const exporter = { export: (_, done) => done({ code: 0 }), shutdown: async () => {} }
new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] }).register()\n`,
  )
  // Nobody reads the log: what it costs to write it is measured, not a disk.
  return startServe(folder, undefined, undefined, 1, settings, 'ignore')
}

/** Asks for the metrics each second, until it is told to stop. */
function scrapeEach({ adminPort, token }: Served): () => Promise<void> {
  const wire = new Wire(adminPort)
  const headers = { authorization: `Bearer ${token}` }
  let last: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    last = wire.ask({ method: 'GET', path: '/metrics', headers })
  }, 1_000)
  return async () => {
    clearInterval(timer)
    await last
    wire.close()
  }
}

/** Nanoseconds that counting takes of one exchange, among a hundred routes: what a client over HTTP cannot tell apart. */
function countingNs(): number {
  const counts = new ExchangeCounts(() => emptyTable)
  const exchanges = Array.from({ length: 100 }, (_, at) => ({
    route: { id: `r${at}`, target: { kind: 'module', module: 'm' } },
    moduleVersion: '1.0.0',
    failure: null,
    headAt: 0,
    abortReason: null,
    fault: 0,
    status: 200,
    isEndless: false,
    startedAt: 1,
    transport: { isGone: false },
  })) as unknown as readonly Exchange[]
  const times = 5_000_000
  const run = (): number => {
    const startedAt = performance.now()
    for (let at = 0; at < times; at += 1) {
      counts.began()
      counts.ended(exchanges[at % exchanges.length]!, 1.4)
    }
    return ((performance.now() - startedAt) / times) * 1e6
  }
  return median([run(), run(), run()])
}

console.log(machine())
console.log(`counting one exchange, in a loop: ${countingNs().toFixed(0)} ns`)
const { name: driver, drive } = await chooseDrive()
console.log(
  `${driver}, ${starts} starts, ${rounds} rounds of ${seconds} s each, one worker, not pinned`,
)
const rates = rows.map((): number[] => [])
const costs = rows.map((): number[] => [])
for (let start = 0; start < starts; start += 1) {
  const servers: Served[] = []
  for (const [at, { settings }] of rows.entries())
    servers.push(await serve(settings, start * rows.length + at))
  for (const { port } of servers) await drive(port, 2, undefined)
  for (let round = 0; round < rounds; round += 1)
    for (let step = 0; step < rows.length; step += 1)
      await measure((step + round + start) % rows.length, servers)
  for (const { stop } of servers) await stop()
}

async function measure(at: number, servers: readonly Served[]): Promise<void> {
  const served = servers[at]!
  const stop = rows[at]!.isScraped === true ? scrapeEach(served) : null
  const before = cpuTimeOf(served.pid)
  const rate = await drive(served.port, seconds, undefined)
  await stop?.()
  rates[at]!.push(rate)
  costs[at]!.push((cpuTimeOf(served.pid) - before) / (rate * seconds))
}

/** Of each round on its own: what disturbs one disturbs all of it. */
const ratio = (list: readonly number[], base: readonly number[]): string =>
  median(list.map((value, at) => value / base[at]!)).toFixed(3)

console.log('\n                       req/s   to off   CPU us per exchange   to off')
for (const [at, { name }] of rows.entries()) {
  const rate = median(rates[at]!).toFixed(0)
  const cost = median(costs[at]!).toFixed(2)
  console.log(
    `${name.padEnd(20)} ${rate.padStart(7)} ${ratio(rates[at]!, rates[0]!).padStart(8)} ${cost.padStart(21)} ${ratio(costs[at]!, costs[0]!).padStart(8)}`,
  )
}
