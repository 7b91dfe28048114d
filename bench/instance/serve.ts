import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Wire } from './wire.ts'

/** A `turnout serve` of its own process, with its admin API. Ends with `stop`. */
export interface Served {
  readonly pid: number
  /** Port of the data plane. */
  readonly port: number
  readonly adminPort: number
  /** The token that may do everything. */
  readonly token: string
  /** Milliseconds from the start of the process to its ready line. */
  readonly readyMs: number
  /** The same, as the process tells it: without Node's own start. */
  readonly toldMs: number
  readonly rssBytes: () => number
  readonly stop: () => Promise<void>
}

/** User and system time of a process so far, in milliseconds (proc(5): fields 14 and 15, in ticks of 10 ms). */
export function cpuMsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

interface Ready {
  readonly event: string
  readonly urls: readonly string[]
  readonly admin: string
  readonly readyMs: number
}

const cliFile = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const readyDeadlineMs = 120_000

const portOf = (url: string): number => Number(new URL(url).port)

/**
 * Serves an empty folder of modules in `root`, and the data folder `root/data` as it is. Flags of Node are passed on, so
 * that a bench can be run with `--cpu-prof`. Without workers the process does everything. `settings` are of the config.
 */
export async function startServe(
  root: string,
  cpu?: number,
  changesPerSecond?: number,
  workers: number = 0,
  settings: Readonly<Record<string, unknown>> = {},
  stderr: 'inherit' | 'ignore' = 'inherit',
): Promise<Served> {
  const folder = join(root, 'routes')
  mkdirSync(folder, { recursive: true })
  const config = join(root, 'turnout.config.json')
  // A line for each request is the price of the log, which the gateway's bench tells.
  writeFileSync(
    config,
    JSON.stringify({
      logger: false,
      ...(changesPerSecond === undefined ? {} : { admin: { changesPerSecond } }),
      ...settings,
    }),
  )
  const words = [
    process.execPath,
    ...process.execArgv,
    cliFile,
    'serve',
    folder,
    '--json',
    '--port',
    '0',
  ]
  words.push('--workers', String(workers))
  words.push('--admin', '127.0.0.1:0', '--data', join(root, 'data'), '--config', config)
  const command = cpu === undefined ? words : ['taskset', '-c', String(cpu), ...words]
  const startedAt = performance.now()
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', stderr] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const kill = (): boolean => child.kill()
  process.on('exit', kill)
  const stop = async (): Promise<void> => {
    process.off('exit', kill)
    child.kill()
    await ended
  }
  const deadline = setTimeout(() => child.kill('SIGKILL'), readyDeadlineMs)
  const ready = await new Promise<Ready>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      // One line comes for each change, too.
      if (line.startsWith('{"event":"ready"')) resolve(JSON.parse(line) as Ready)
      else if (/^{"event":"(problem|offence|worker","kind":"ended)"/.test(line)) console.log(line)
    })
    child.once('close', () => reject(new Error('serve ended before it was ready')))
  })
  clearTimeout(deadline)
  const readyMs = performance.now() - startedAt
  return {
    pid: child.pid!,
    port: portOf(ready.urls[0]!),
    adminPort: portOf(ready.admin),
    token: readFileSync(join(root, 'data', 'admin-token'), 'utf8').trim(),
    readyMs,
    toldMs: ready.readyMs,
    rssBytes: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
    },
    stop,
  }
}

/** Makes tokens that may write what the API owns. A token may make 200 changes a second. */
export async function makeTokens(
  { adminPort, token }: Pick<Served, 'adminPort' | 'token'>,
  count: number,
): Promise<readonly string[]> {
  const wire = new Wire(adminPort)
  const made: string[] = []
  for (let at = 0; at < count; at += 1) {
    const answer = await wire.ask({
      method: 'POST',
      path: '/api/tokens',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: `bench-${at}`, scopes: ['write:admin'] }),
    })
    if (answer.status !== 201) throw new Error(answer.body)
    made.push((JSON.parse(answer.body) as { readonly token: string }).token)
  }
  wire.close()
  return made
}
