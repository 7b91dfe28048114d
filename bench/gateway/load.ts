import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { startLoad } from '../../test/load/load.ts'

const run = promisify(execFile)

/** Makes as many requests as the server takes, on 64 kept connections, and gives the requests per second. */
export type Drive = (
  port: number,
  seconds: number,
  cpu: number | undefined,
  path?: string,
  /** Further fields, `name: value`; of wrk alone. */
  fields?: readonly string[],
) => Promise<number>

/** Ten fields as a browser sends them. */
export const browserFields: readonly string[] = [
  'accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'accept-encoding: gzip, deflate, br, zstd',
  'accept-language: en-US,en;q=0.9,de;q=0.8',
  'cache-control: max-age=0',
  'cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1',
  'sec-fetch-dest: document',
  'sec-fetch-mode: navigate',
  'sec-fetch-site: same-origin',
  'referer: http://127.0.0.1/where/from?page=2',
  'user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0',
]

const withWrk: Drive = async (port, seconds, cpu, path = '/ping', fields = []) => {
  const words = [
    'wrk',
    '-t1',
    '-c64',
    '--timeout',
    '10s',
    `-d${seconds}s`,
    ...fields.flatMap((field) => ['-H', field]),
    `http://127.0.0.1:${port}${path}`,
  ]
  const pinned = cpu === undefined ? words : ['taskset', '-c', String(cpu), ...words]
  const { stdout } = await run(pinned[0]!, pinned.slice(1))
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]
  if (rate === undefined || /Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout)
  return Number(rate)
}

const withOwn: Drive = async (port, seconds, cpu, path = '/ping') => {
  const paths = [path]
  const group = { name: 'kept', loops: 64, isKeptAlive: true, paths, expects: 'status' } as const
  const plan = { port, durationMs: seconds * 1_000, groups: [group] }
  const load = startLoad(plan, cpu === undefined ? {} : { cpu })
  return (await load.report).requestsPerSecond
}

const exists = async (command: string, ...words: readonly string[]): Promise<boolean> => {
  try {
    await run(command, words)
    return true
  } catch (error) {
    // wrk ends with 1 when it only prints its version.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'
  }
}

/** wrk where it is installed, else our own load generator, which needs more CPU than most servers. */
export async function chooseDrive(): Promise<{ readonly name: string; readonly drive: Drive }> {
  if (await exists('wrk', '-v')) return { name: 'wrk -t1 -c64', drive: withWrk }
  return {
    name: 'own generator (the load is the bottleneck: read us/request; `apt-get install wrk`)',
    drive: withOwn,
  }
}

export function hasTaskset(): Promise<boolean> {
  return exists('taskset', '--version')
}
