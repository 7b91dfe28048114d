// Worker processes beside one that does everything, and beside `node:http`: `main.js [--rounds N] [--seconds N] [--changes N]
// [--kills N]`. Requests per second, memory, how long a change takes until it is answered, and how long a killed worker is
// missed. Where the load shares the cores with the servers, us/request is the figure to go by.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chooseDrive } from '../gateway/load.ts'
import { fillDataFolder } from '../instance/fill.ts'
import { machine, median, ms, percentile, quantiles } from '../instance/figures.ts'
import { childrenOf, cpuTimeOf, memoryOf } from '../instance/process-stat.ts'
import { putRoute } from '../instance/put.ts'
import { startServe, type Served } from '../instance/serve.ts'
import { Wire } from '../instance/wire.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    changes: { type: 'string', default: '200' },
    kills: { type: 'string', default: '5' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const root = mkdtempSync(join(process.cwd(), '.turnout-bench-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))

interface Opened {
  readonly pid: number
  readonly port: number
  readonly served: Served | null
  readonly stop: () => Promise<void>
}

let folders = 0

const serve = async (workers: number, routes: number = 0): Promise<Opened> => {
  folders += 1
  const folder = join(root, String(folders))
  mkdirSync(join(folder, 'routes'), { recursive: true })
  writeFileSync(
    join(folder, 'routes', 'ping.js'),
    `const hello = { message: 'pong' }
export default { register: (routes) => void routes.get('/ping', (c) => c.json(hello)) }\n`,
  )
  if (routes > 0) await fillDataFolder(join(folder, 'data'), routes)
  const served = await startServe(folder, undefined, 1_000, workers)
  return { pid: served.pid, port: served.port, served, stop: served.stop }
}

const start = async (file: string, ...words: readonly string[]): Promise<Opened> => {
  const script = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(process.execPath, [script, ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const port = await new Promise<number>((resolve, reject) => {
    child.stderr.on('data', (bytes: Buffer) => resolve(Number(bytes.toString())))
    child.once('close', () => reject(new Error(`${file} ended`)))
  })
  const stop = async (): Promise<void> => {
    child.kill()
    await ended
  }
  return { pid: child.pid!, port, served: null, stop }
}

const servers: Readonly<Record<string, () => Promise<Opened>>> = {
  'node:http': () => start('../gateway/servers.js', 'node:http'),
  'node:http, cluster of 2': () => start('./cluster.js', '2'),
  '--workers 0': () => serve(0),
  '--workers 1': () => serve(1),
  '--workers 2': () => serve(2),
}

const kilobytes = (value: number): string => `${(value / 1024).toFixed(0)} MB`

console.log(machine())
const { name: driver, drive } = await chooseDrive()
console.log(`${driver}, ${rounds} rounds of ${seconds} s, not pinned`)
const names = Object.keys(servers)
const rates = new Map<string, { readonly rate: number; readonly us: number }[]>()
const memory = new Map<string, string>()
for (let round = 0; round < rounds; round += 1) {
  for (let at = 0; at < names.length; at += 1) {
    const name = names[(at + round) % names.length]!
    const opened = await servers[name]!()
    await drive(opened.port, 2, undefined)
    const before = cpuTimeOf(opened.pid)
    const rate = await drive(opened.port, seconds, undefined)
    const us = (cpuTimeOf(opened.pid) - before) / (rate * seconds)
    rates.set(name, [...(rates.get(name) ?? []), { rate, us }])
    const told = [opened.pid, ...childrenOf(opened.pid)].map((pid) => {
      const { rss, pss } = memoryOf(pid)
      return `${kilobytes(rss)} (${kilobytes(pss)})`
    })
    memory.set(name, told.join(', '))
    await opened.stop()
  }
}
console.log(
  '\nserver                      req/s   us/req   RSS (PSS) after it: the process, its children',
)
for (const name of names) {
  const list = rates.get(name)!
  const rate = median(list.map((one) => one.rate))
  const us = median(list.map((one) => one.us))
  console.log(
    `${name.padEnd(25)} ${rate.toFixed(0).padStart(7)}  ${us.toFixed(1).padStart(7)}   ${memory.get(name)!}`,
  )
}

console.log('\na change of one route of 1,000 until it is answered, one after the other:')
for (const workers of [0, 1, 2, 8]) {
  const { served, stop } = await serve(workers, 1_000)
  const { adminPort, token } = served!
  const wire = new Wire(adminPort)
  const took: number[] = []
  for (let at = 0; at < Number(values.changes); at += 1) {
    const startedAt = performance.now()
    const { status, body } = await wire.ask(putRoute(token, at % 1_000, `body-${at}`))
    if (status !== 200) throw new Error(body)
    // The first ones warm up.
    if (at >= 20) took.push(performance.now() - startedAt)
  }
  wire.close()
  console.log(`  ${workers} workers: ${quantiles(took)}, least ${ms(Math.min(...took))}`)
  await stop()
}

interface Status {
  readonly workers: readonly { readonly pid: number; readonly state: string }[]
}

console.log('\nkill -9 of a worker until another one serves in its place:')
for (const workers of [1, 2]) {
  const took: number[] = []
  for (let kill = 0; kill < Number(values.kills); kill += 1) {
    const { served, stop } = await serve(workers)
    const { adminPort, token } = served!
    const wire = new Wire(adminPort)
    const serving = async (): Promise<readonly number[]> => {
      const headers = { authorization: `Bearer ${token}` }
      const { body } = await wire.ask({ method: 'GET', path: '/api/status', headers })
      return (JSON.parse(body) as Status).workers.flatMap(({ pid, state }) =>
        state === 'serving' ? [pid] : [],
      )
    }
    const before = await serving()
    const startedAt = performance.now()
    process.kill(before[0]!, 'SIGKILL')
    for (;;) {
      const now = await serving()
      if (now.length === workers && !now.includes(before[0]!)) break
      await delay(2)
    }
    took.push(performance.now() - startedAt)
    wire.close()
    await stop()
  }
  console.log(
    `  ${workers} workers: median ${ms(median(took))}, most ${ms(percentile(took, 1))}, of ${took.length}`,
  )
}
