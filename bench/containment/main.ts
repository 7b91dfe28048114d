// How soon others are served again after each kind of endless loop, and what containment costs an exchange that does no harm:
// `main.js [--rounds N] [--seconds N] [--only loops,cost]`. Each server is a real `turnout serve`.
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { loops, others } from '../../test/containment/modules.ts'
import { ask, makeFolder, startServe, type Served } from '../../test/hot/support/served.ts'
import { chooseDrive } from '../gateway/load.ts'
import { cpuMsOf } from '../instance/serve.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string', default: 'loops,cost' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const targetMs = 1_500

const quick = `const step = async (count) => count + 1
export default {
  version: '1.0.0',
  register(routes) {
    routes.get('/ping', (c) => c.text('pong'))
    routes.get('/steps', async (c) => {
      let count = 0
      while (count < 5) count = await step(count)
      return c.json({ count })
    })
  },
}
`

/** What a test gives to what it starts; here it ends with the measurement. */
async function within<Result>(
  files: Readonly<Record<string, string>>,
  config: object,
  use: (served: Served) => Promise<Result>,
): Promise<Result> {
  const ends: (() => unknown)[] = []
  const scope = { after: (end: () => unknown) => void ends.push(end) } as never
  const folder = makeFolder(scope, files)
  const file = join(folder, '.turnout.config.json')
  writeFileSync(file, JSON.stringify({ ...config, logger: false }))
  try {
    return await use(await startServe(scope, folder, { words: ['--config', file] }))
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

const median = (all: readonly number[]): number =>
  all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!

/** From the request that never ends to the first answer of another module. */
const servedAgain = (code: string): Promise<number> =>
  within({ 'harm.js': code, 'others.js': others }, {}, async ({ port }) => {
    for (let time = 0; time < 20; time += 1) await ask(port, '/others')
    const startedAt = performance.now()
    ask(port, '/harm').catch(() => undefined)
    await pause(50)
    await ask(port, '/others')
    return performance.now() - startedAt
  })

async function printLoops(): Promise<void> {
  console.log('\nmilliseconds until others are served again      median     max')
  for (const { name, code } of loops) {
    const times: number[] = []
    for (let round = 0; round < rounds; round += 1) times.push(await servedAgain(code))
    const figures = [median(times), Math.max(...times)].map((ms) => ms.toFixed(0).padStart(6))
    const verdict = median(times) <= targetMs ? 'reached' : 'MISSED'
    console.log(`${name.padEnd(46)}  ${figures.join('  ')}  ${verdict}: at most ${targetMs}`)
  }
}

async function printCost(): Promise<void> {
  const { name, drive } = await chooseDrive()
  const times = new Map<string, number[]>()
  for (let round = 0; round < rounds; round += 1)
    for (const containment of [false, true])
      await within({ 'quick.js': quick }, { containment }, async ({ port, pid }) => {
        for (const path of ['/ping', '/steps']) {
          await drive(port, 1, undefined, path)
          const before = cpuMsOf(pid)
          const rate = await drive(port, seconds, undefined, path)
          const us = ((cpuMsOf(pid) - before) * 1000) / (rate * seconds)
          const key = `${path} ${containment ? 'on' : 'off'}`
          times.set(key, [...(times.get(key) ?? []), us])
        }
      })
  console.log(`\nCPU time of the server for an exchange, us (${name})   median    best`)
  for (const [key, all] of [...times].sort(([a], [b]) => a.localeCompare(b)))
    console.log(
      `${`containment ${key}`.padEnd(50)}  ${median(all).toFixed(2)}  ${Math.min(...all).toFixed(2)}`,
    )
}

console.log(`${cpus()[0]?.model}, ${cpus().length} CPUs, Node ${process.version}`)
console.log(`load ${loadavg()[0]!.toFixed(1)}, ${rounds} rounds`)
if (values.only.includes('loops')) await printLoops()
if (values.only.includes('cost')) await printCost()
