// A JSON hello through the whole gateway beside its peers: `main.js [--rounds N] [--seconds N] [--browser]`, with
// `--browser` ten more fields in each request. One process for each server, pinned; rounds are interleaved; figures are medians. On a shared machine us/request is the figure
// that neighbours disturb least.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from '../instance/figures.ts'
import { cpuTimeOf } from '../instance/process-stat.ts'
import { isInstalled } from '../proxy/native.ts'
import { browserFields, chooseDrive, hasTaskset, type Drive } from './load.ts'
import { serverNames, type ServerName } from './names.ts'
import { startHello } from './start.ts'

interface Run {
  readonly rate: number
  /** CPU time of the server by request; not known where there is no /proc. */
  readonly usPerRequest: number
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    only: { type: 'string' },
    browser: { type: 'boolean', default: false },
  },
})
const fields = values.browser ? browserFields : []
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const names = serverNames.filter(
  (name) =>
    (values.only?.split(',').includes(name) ?? true) && (name !== 'nginx' || isInstalled('nginx')),
)

const folder = mkdtempSync(join(tmpdir(), 'turnout-bench-hello-'))
// The workers of nginx are somebody else, where root starts it.
chmodSync(folder, 0o755)
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const measure = async (name: ServerName, isPinned: boolean, drive: Drive): Promise<Run> => {
  const server = await startHello(name, folder, isPinned ? 0 : undefined)
  try {
    const cpu = isPinned ? 1 : undefined
    await drive(server.port, 2, cpu, '/ping', fields)
    const before = cpuTimeOf(server.pid)
    const rate = await drive(server.port, seconds, cpu, '/ping', fields)
    const usPerRequest = (cpuTimeOf(server.pid) - before) / (rate * seconds)
    return { rate, usPerRequest }
  } finally {
    await server.stop()
  }
}

const isPinned = cpus().length > 1 && (await hasTaskset())
const { name: driver, drive } = await chooseDrive()
const runs = new Map<ServerName, Run[]>(names.map((name) => [name, []]))
for (let round = 0; round < rounds; round += 1) {
  // Each round begins with another one, so that nobody always follows the same neighbour.
  for (let at = 0; at < names.length; at += 1) {
    const name = names[(at + round) % names.length]!
    runs.get(name)!.push(await measure(name, isPinned, drive))
  }
}

const rows = names.map((name) => {
  const list = runs.get(name)!
  return {
    name,
    rate: median(list.map(({ rate }) => rate)),
    us: median(list.map(({ usPerRequest }) => usPerRequest)),
    leastUs: Math.min(...list.map(({ usPerRequest }) => usPerRequest)),
  }
})
const rowOf = (name: ServerName): (typeof rows)[number] | undefined =>
  rows.find((row) => row.name === name)
const peers = ['nginx', 'node:http', 'fastify', 'hono'] as const

console.log(`${cpus()[0]?.model}, ${cpus().length} CPUs, Node ${process.version}`)
console.log(`${driver}, ${rounds} rounds of ${seconds} s, ${isPinned ? 'pinned' : 'not pinned'}`)
console.log(
  '\nserver                      req/s   us/req  least    x nginx  x node:http  x fastify  x hono  (by us/req)',
)
for (const { name, rate, us, leastUs } of rows) {
  const ratios = peers.map((peer) => {
    const other = rowOf(peer)
    return (other === undefined ? '-' : (other.us / us).toFixed(2)).padStart(9)
  })
  const figures = `${rate.toFixed(0).padStart(7)}  ${us.toFixed(1).padStart(7)}  ${leastUs.toFixed(1).padStart(5)}`
  console.log(`${name.padEnd(25)} ${figures}  ${ratios.join('  ')}`)
}

const turnout = rowOf('turnout with middleware')
const targets = { 'node:http': 1.3, fastify: 1.5, nginx: 0.6 } as const
for (const peer of ['node:http', 'fastify', 'nginx'] as const) {
  const other = rowOf(peer)
  if (turnout === undefined || other === undefined) continue
  const byRate = turnout.rate / other.rate
  const byUs = other.us / turnout.us
  // CPU time decides where it is known: neighbours take a server's time, hardly its work.
  const verdict = (Number.isNaN(byUs) ? byRate : byUs) >= targets[peer] ? 'reached' : 'MISSED'
  const figures = `${byRate.toFixed(2)}x by req/s, ${byUs.toFixed(2)}x by us/req`
  console.log(
    `${verdict}  a module with middleware, at least ${targets[peer]}x ${peer}: ${figures}`,
  )
}
