// What a choice among four versions costs beside a plain route: `main.js [--rounds N] [--seconds N]`. One server on core
// 0, the load on core 1; cases take turns, figures are medians. On a shared machine us/request is the figure that
// neighbours disturb least.
import { execFile, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { hasTaskset } from '../gateway/load.ts'
import { machine, median } from '../instance/figures.ts'
import { cpuTimeOf } from '../instance/process-stat.ts'
import { cases, type CaseName } from './cases.ts'

const run = promisify(execFile)
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const names = Object.keys(cases) as CaseName[]
const isPinned = await hasTaskset()

const wordsOn = (cpu: number, script: string, ...rest: readonly string[]): [string, string[]] => {
  const words = [fileURLToPath(new URL(script, import.meta.url)), ...rest]
  return isPinned
    ? ['taskset', ['-c', String(cpu), process.execPath, ...words]]
    : [process.execPath, words]
}

const [command, words] = wordsOn(0, './server.js')
const server = spawn(command, words, { stdio: ['ignore', 'ignore', 'pipe'] })
process.once('exit', () => server.kill())
const port = await new Promise<string>((resolve, reject) => {
  server.stderr.once('data', (bytes: Buffer) => resolve(bytes.toString().trim()))
  server.once('close', () => reject(new Error('the server ended')))
})

interface Run {
  readonly rate: number
  /** CPU time of the server by request. */
  readonly us: number
}

async function measure(name: CaseName, forSeconds: number): Promise<Run> {
  const { path, field } = cases[name]
  const request = `GET ${path} HTTP/1.1\r\nHost: bench\r\n${field === '' ? '' : `${field}\r\n`}\r\n`
  const load = wordsOn(1, './load.js', port, String(forSeconds * 1_000), request)
  const before = cpuTimeOf(server.pid!)
  const { stdout } = await run(load[0], load[1])
  const answers = Number(stdout)
  return { rate: answers / forSeconds, us: (cpuTimeOf(server.pid!) - before) / answers }
}

console.log(machine())
console.log(
  `64 connections, ${rounds} rounds of ${seconds} s, ${isPinned ? 'pinned' : 'not pinned'}\n`,
)
for (const name of names) await measure(name, 1)
const runs = new Map<CaseName, Run[]>(names.map((name) => [name, []]))
for (let round = 0; round < rounds; round += 1) {
  // Each round begins with another one, so that nobody always follows the same neighbour.
  for (let at = 0; at < names.length; at += 1) {
    const name = names[(at + round) % names.length]!
    runs.get(name)!.push(await measure(name, seconds))
  }
}
server.kill()

const rows = names.map((name) => ({
  name,
  rate: median(runs.get(name)!.map(({ rate }) => rate)),
  us: median(runs.get(name)!.map(({ us }) => us)),
  leastUs: Math.min(...runs.get(name)!.map(({ us }) => us)),
}))
const [plain] = rows
console.log(
  'case                  req/s   us/req  least   fewer req/s than plain: by req/s, us/req, least',
)
for (const { name, rate, us, leastUs } of rows) {
  const ratios = [rate / plain!.rate, plain!.us / us, plain!.leastUs / leastUs]
  const less = ratios.map((ratio) => `${((1 - ratio) * 100).toFixed(1)} %`.padStart(7))
  const figures = `${rate.toFixed(0).padStart(8)} ${us.toFixed(2).padStart(8)} ${leastUs.toFixed(2).padStart(6)}`
  console.log(`${name.padEnd(18)} ${figures}  ${less.join('  ')}`)
}
// Neighbours take a server's time, hardly its work: the least CPU time decides.
const worst = Math.max(...rows.map(({ leastUs }) => 1 - plain!.leastUs / leastUs))
console.log(`${worst <= 0.15 ? 'reached' : 'MISSED'}  at most 15 % fewer requests per second`)
