// What it costs to have a module in a process of its own: the same module called directly, isolated, and as a remote
// upstream over TCP. `main.js [--rounds N] [--seconds N] [--requests N]`. Two `turnout serve`: the one that is asked, and
// the remote one. Rounds are interleaved; figures are medians. All servers on one core, the load on the other: what a way
// costs in CPU time of all its processes is what neighbours disturb least.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { chooseDrive, hasTaskset } from '../gateway/load.ts'
import { machine, median, percentile } from '../instance/figures.ts'
import { cpuTimeOf } from '../instance/process-stat.ts'
import { startServe, type Served } from '../instance/serve.ts'
import { Wire } from '../instance/wire.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    requests: { type: 'string', default: '5000' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const requests = Number(values.requests)

const ways = ['direct', 'isolated', 'remote'] as const
type Way = (typeof ways)[number]

const moduleOf = (name: string, isolation: string): string => `
export default {
  name: '${name}',
  isolation: '${isolation}',
  register(routes) {
    routes.get('/${name}/:id', (c) => c.json({ id: c.param('id') }))
    routes.get('/memory/${name}', (c) => c.text(String(process.memoryUsage.rss() / 1024 / 1024)))
  },
}
`

// One worker, in the process that is asked: what is measured is one way, not a machine.
process.env['TURNOUT_WORKERS'] = '0'

const root = mkdtempSync(join(tmpdir(), 'turnout-bench-'))
const hasCores = cpus().length > 1 && (await hasTaskset())
const serversCpu = hasCores ? 0 : undefined
const loadCpu = hasCores ? 1 : undefined

const serve = async (name: string, modules: Readonly<Record<string, string>>): Promise<Served> => {
  const own = join(root, name)
  mkdirSync(join(own, 'routes'), { recursive: true })
  for (const [file, text] of Object.entries(modules)) writeFileSync(join(own, 'routes', file), text)
  return await startServe(own, serversCpu)
}

/** Microseconds of each request on one connection, one after the other. */
const timesOf = async (port: number, way: Way): Promise<number[]> => {
  const wire = new Wire(port)
  const times: number[] = []
  for (let at = 0; at < requests; at += 1) {
    const startedAt = performance.now()
    const { status } = await wire.ask({ method: 'GET', path: `/${way}/7` })
    if (status !== 200) throw new Error(`${way}: ${status}`)
    times.push((performance.now() - startedAt) * 1000)
  }
  wire.close()
  return times
}

interface Run {
  readonly rate: number
  readonly usPerRequest: number
  readonly p50: number
  readonly p99: number
}

const remote = await serve('remote', { 'remote.js': moduleOf('remote', 'inline') })
const served = await serve('asked', {
  'direct.js': moduleOf('direct', 'inline'),
  'isolated.js': moduleOf('isolated', 'isolated'),
})
try {
  const admin = new Wire(served.adminPort)
  const { status, body } = await admin.ask({
    method: 'POST',
    path: '/api/routes',
    headers: { authorization: `Bearer ${served.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      id: 'remote',
      methods: ['GET'],
      path: '/remote/:id',
      target: { uri: `http://127.0.0.1:${remote.port}` },
    }),
  })
  admin.close()
  if (status !== 201) throw new Error(`the route was not taken: ${status} ${body}`)

  const { name: driver, drive } = await chooseDrive()
  const cpuTime = (): number => cpuTimeOf(served.pid) + cpuTimeOf(remote.pid)
  const measure = async (way: Way): Promise<Run> => {
    await drive(served.port, 1, loadCpu, `/${way}/7`)
    const before = cpuTime()
    const rate = await drive(served.port, seconds, loadCpu, `/${way}/7`)
    const usPerRequest = (cpuTime() - before) / (rate * seconds)
    const times = await timesOf(served.port, way)
    return { rate, usPerRequest, p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
  }
  const runs = new Map<Way, Run[]>(ways.map((way) => [way, []]))
  const before = machine()
  for (let round = 0; round < rounds; round += 1) {
    for (let at = 0; at < ways.length; at += 1) {
      const way = ways[(at + round) % ways.length]!
      runs.get(way)!.push(await measure(way))
    }
  }

  const of = (way: Way, figure: keyof Run): number =>
    median(runs.get(way)!.map((run) => run[figure]))
  /** To the direct call of the same round. */
  const ratio = (way: Way, figure: keyof Run): string =>
    median(runs.get(way)!.map((run, at) => run[figure] / runs.get('direct')![at]![figure])).toFixed(
      2,
    )
  console.log(before)
  console.log(`${driver}, ${rounds} rounds of ${seconds} s, ${requests} requests one by one`)
  console.log(
    `${hasCores ? 'servers on one core, load on another' : 'not pinned'}; ratios to direct\n`,
  )
  console.log('             req/s         us CPU/req     p50 us         p99 us')
  for (const way of ways) {
    const cells = (['rate', 'usPerRequest', 'p50', 'p99'] as const).map((figure) => {
      const value = of(way, figure)
      const text = `${value.toFixed(figure === 'rate' ? 0 : 1)} (${ratio(way, figure)})`
      return text.padEnd(14)
    })
    console.log(`${way.padEnd(12)} ${cells.join(' ')}`)
  }
  const wire = new Wire(served.port)
  const memoryOf = async (way: Way): Promise<string> =>
    Number((await wire.ask({ method: 'GET', path: `/memory/${way}` })).body).toFixed(0)
  const [own, isolated] = [await memoryOf('direct'), await memoryOf('isolated')]
  wire.close()
  console.log(`\nRSS of the worker ${own} MB, of the isolated process ${isolated} MB`)
} finally {
  await served.stop()
  await remote.stop()
  rmSync(root, { recursive: true, force: true })
}
