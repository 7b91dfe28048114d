// What it costs to know what holds a replaced version, while nothing leaks: a timer, a connection, a reload.
//
//   node --expose-gc dist/bench/resources/main.js [--reloads 1000] [--rounds 5]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createTurnout } from '../../src/index.ts'
import { OwnTimers, refillStacks } from '../../src/modules/own-timers.ts'
import { loadedScripts } from '../../src/modules/source-map.ts'
import { Handles } from '../../src/worker/resources/handles.ts'

const { values } = parseArgs({
  options: {
    reloads: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
  },
})
const rounds = Number(values.rounds)
const collect = globalThis.gc
if (collect === undefined) throw new Error('needs --expose-gc')

/** Nanoseconds of each run, by name: the least of the rounds, taken in turns. */
async function compare(
  runs: Readonly<Record<string, () => Promise<number> | number>>,
): Promise<void> {
  const least = new Map<string, number>()
  for (let round = 0; round < rounds; round += 1)
    for (const [name, run] of Object.entries(runs))
      least.set(name, Math.min(least.get(name) ?? Infinity, await run()))
  for (const [name, cost] of least) console.log(`  ${name.padEnd(44)} ${cost.toFixed(0)} ns`)
}

const timersEach = 100_000
type SetOne = (callback: () => void, ms: number) => NodeJS.Timeout

function timers(set: SetOne): number {
  collect!()
  const from = process.hrtime.bigint()
  for (let at = 0; at < timersEach; at += 1) clearTimeout(set(() => undefined, 1_000))
  return Number(process.hrtime.bigint() - from) / timersEach
}

console.log('a timer that is set and cleared')
await compare({
  'as Node has it': () => timers(setTimeout),
  'known, its line not looked for': () => {
    const own = new OwnTimers()
    // The first few of a second are looked at.
    for (let at = 0; at < 100; at += 1)
      clearTimeout(own.given.setTimeout(() => undefined, 1) as never)
    return timers(own.given.setTimeout as SetOne)
  },
  'known with its line (50 in a second)': () => {
    const own = new OwnTimers()
    const set = own.given.setTimeout as SetOne
    return timers((callback, ms) => {
      refillStacks()
      return set(callback, ms)
    })
  },
})

const connections = 1_000
const server = createServer((socket) => socket.end().resume())
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo

async function connecting(): Promise<number> {
  const from = process.cpuUsage()
  for (let at = 0; at < connections; at += 1)
    await new Promise((resolve) => connect(port, '127.0.0.1').resume().once('close', resolve))
  const { user, system } = process.cpuUsage(from)
  return ((user + system) * 1_000) / connections
}

console.log('a connection of both ends, in CPU time')
await compare({
  'as Node has it': connecting,
  'with its stack looked at': async () => {
    const handles = new Handles(true, () => true)
    const cost = await connecting()
    handles.close()
    return cost
  },
})
server.close()

const reloads = Number(values.reloads)

async function reloading(isWatching: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'turnout-resources-'))
  const file = join(folder, 'users.js')
  const text = (turn: number): string => `export default {
  version: '1.0.${turn}',
  register: (routes, { setInterval }) => {
    setInterval(() => undefined, 60_000)
    setTimeout(() => undefined, 1)
    routes.get('/users', (c) => c.text('${turn}'))
  },
}
`
  writeFileSync(file, text(0))
  const turnout = createTurnout({
    logger: false,
    resources: isWatching ? { leakGraceMs: 500 } : false,
  })
  let leaks = 0
  turnout.on('leak', () => (leaks += 1))
  await turnout.module(file)
  const heap = async (): Promise<number> => {
    collect!()
    await wait(20)
    collect!()
    return process.memoryUsage().heapUsed
  }
  const startCpu = process.cpuUsage()
  let first = 0
  for (let turn = 1; turn <= reloads; turn += 1) {
    writeFileSync(file, text(turn))
    await turnout.module(file)
    if (turn === Math.floor(reloads / 2)) first = await heap()
  }
  const { user, system } = process.cpuUsage(startCpu)
  await wait(3_000)
  const last = await heap()
  const ms = (user + system) / 1_000 / reloads
  const slope = (last - first) / (reloads / 2)
  console.log(
    `  ${isWatching ? 'watched' : 'not watched'}: ${ms.toFixed(2)} ms of CPU each, heap ${(slope / 1024).toFixed(2)} KB each in the second half, ${loadedScripts()} scripts alive, ${leaks} leaks told, ${turnout.retired.length} shown`,
  )
  await turnout.close(0)
  rmSync(folder, { recursive: true, force: true })
}

console.log(`${reloads} reloads`)
await reloading(false)
await reloading(true)
