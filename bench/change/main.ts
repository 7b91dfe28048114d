// From the sending of a change to its answer, and to the end of the first request that was served by it, beside Caddy's
// admin API and nginx: `main.js [SIZE...] [--rounds N]`. Rounds are interleaved. Each request of the watcher has a
// connection of its own, because nginx keeps old ones on the old routes; beyond 10,000 routes Turnout is alone.
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { machine, ms, percentile, quantiles, sizeOf } from '../instance/figures.ts'
import { pathAt } from '../instance/routes.ts'
import { Wire } from '../instance/wire.ts'
import {
  caddy,
  isInstalled,
  nginx,
  nginxSignal,
  turnout,
  type Changed,
  type StartChanged,
} from './servers.ts'

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '40' },
    // Changes of Turnout in a round, for one of a peer.
    each: { type: 'string', default: '10' },
    only: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const sizes = positionals.length > 0 ? positionals : ['10', '10k', '1m']
const rounds = Number(values.rounds)
const each = Number(values.each)
const mostPeerRoutes = 10_000
const root = mkdtempSync(join(process.cwd(), '.turnout-bench-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))

interface Peer {
  readonly name: string
  readonly command: string | null
  readonly start: StartChanged
}

const peers: readonly Peer[] = [
  { name: 'Turnout, PUT', command: null, start: turnout },
  { name: 'Caddy, PATCH', command: 'caddy', start: caddy },
  { name: 'nginx -s reload', command: 'nginx', start: nginx },
  { name: 'nginx, SIGHUP', command: 'nginx', start: nginxSignal },
]

interface Run {
  readonly name: string
  readonly server: Changed
  readonly answered: number[]
  readonly served: number[]
}

const lateMs = 60_000

const isServed = async (port: number, at: number, body: string): Promise<boolean> => {
  const wire = new Wire(port)
  const answer = await wire.ask({ method: 'GET', path: pathAt(at) }).catch(() => null)
  wire.close()
  return answer?.body === body
}

const changeOnce = async ({ server, answered, served }: Run, at: number, body: string) => {
  const sentAt = performance.now()
  const changed = server.change(at, body).then(() => answered.push(performance.now() - sentAt))
  while (!(await isServed(server.port, at, body)))
    if (performance.now() - sentAt > lateMs) throw new Error('the change is not served')
  served.push(performance.now() - sentAt)
  await changed
}

console.log(machine())
const installed = peers.filter(({ name, command }) => {
  if (command === null) return true
  if (values.only) return false
  const isThere = isInstalled(command)
  if (!isThere) console.log(`${name}: left out, there is no ${command} on this machine`)
  return isThere
})
for (const size of sizes) {
  const count = sizeOf(size)
  const runs: Run[] = []
  for (const { name, command, start } of installed) {
    if (command !== null && count > mostPeerRoutes) continue
    const server = await start(join(root, `${size}-${runs.length}`), count)
    runs.push({ name, server, answered: [], served: [] })
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, run] of runs.entries()) {
      const times = index === 0 ? each : 1
      for (let time = 0; time < times; time += 1) {
        const at = (round * 7_919 + time * 104_729) % count
        await changeOnce(run, at, `v${round}-${time}`)
        // A token makes 200 changes a second, and nginx must be done with its old workers.
        await new Promise((resolve) => setTimeout(resolve, index === 0 ? 6 : 50))
      }
    }
  }
  const own = percentile(runs[0]!.served, 0.5)
  for (const { name, server, answered, served } of runs) {
    const [first = 0] = served
    const ratio = (percentile(served, 0.5) / own).toFixed(1)
    console.log(
      `${size.padStart(4)}  ${name.padEnd(16)} answered: ${quantiles(answered)}; served: ${quantiles(served)} (${ratio}x Turnout's p50), first change ${ms(first)}; ${served.length} changes; ready after ${ms(server.startMs)}`,
    )
    await server.stop()
  }
}
