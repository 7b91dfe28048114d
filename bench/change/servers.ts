import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { idAt, pathAt } from '../instance/routes.ts'
import { putRoute } from '../instance/put.ts'
import { startServe } from '../instance/serve.ts'
import { fillDataFolder } from '../instance/fill.ts'
import { Wire } from '../instance/wire.ts'

/** A server whose routes can be changed one at a time. Ends with `stop`. */
export interface Changed {
  readonly port: number
  readonly startMs: number
  /** Gives one route another text; resolves when the server, or its command, says that it is done. */
  readonly change: (at: number, body: string) => Promise<void>
  readonly stop: () => Promise<void>
}

/** Starts it with so many routes, on a core where one is named; all files are below `root`. */
export type StartChanged = (root: string, count: number, cpu?: number) => Promise<Changed>

/** A port that nobody listens on. */
export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

const readyMs = 60_000

/** What runs a command on a core, where one is named. */
export const wordsOn = (cpu: number | undefined, ...words: readonly string[]): [string, string[]] =>
  cpu === undefined ? [words[0]!, words.slice(1)] : ['taskset', ['-c', String(cpu), ...words]]

/** Until the port answers. Rejects when the process ends before, or a minute has passed. */
export const untilServed = async (child: ChildProcess, port: number): Promise<number> => {
  const startedAt = performance.now()
  while (performance.now() - startedAt < readyMs) {
    if (child.exitCode !== null) throw new Error(`${child.spawnargs[0]} ended`)
    const wire = new Wire(port)
    const answer = await wire.ask({ method: 'GET', path: pathAt(0) }).catch(() => null)
    wire.close()
    if (answer?.status === 200) return performance.now() - startedAt
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${child.spawnargs[0]} does not answer`)
}

/** Ends it and waits for that. */
export const stopOf = (child: ChildProcess): (() => Promise<void>) => {
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const kill = (): boolean => child.kill()
  process.on('exit', kill)
  child.once('close', () => process.off('exit', kill))
  return async () => {
    kill()
    await ended
  }
}

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at)

const startTurnout = async (
  root: string,
  count: number,
  cpu: number | undefined,
  workers: number,
): Promise<Changed> => {
  await fillDataFolder(join(root, 'data'), count)
  const served = await startServe(root, cpu, undefined, workers)
  let wire = new Wire(served.adminPort)
  return {
    port: served.port,
    startMs: served.readyMs,
    change: async (at, body) => {
      // One that was never asked for anything has been closed after a while.
      if (wire.isClosed) wire = new Wire(served.adminPort)
      const { status, body: text } = await wire.ask(putRoute(served.token, at, body))
      if (status !== 200) throw new Error(`${status} ${text}`)
    },
    stop: async () => {
      wire.close()
      await served.stop()
    },
  }
}

/** One process that takes changes and requests. */
export const turnout: StartChanged = (root, count, cpu) => startTurnout(root, count, cpu, 0)

/** A supervisor that takes changes, and a worker that takes requests. */
export const turnoutWorker: StartChanged = (root, count, cpu) => startTurnout(root, count, cpu, 1)

const caddyRoute = (at: number, body: string): object => ({
  '@id': idAt(at),
  match: [{ method: ['GET'], path: [pathAt(at)] }],
  handle: [{ handler: 'static_response', status_code: 200, body }],
  terminal: true,
})

/** PATCH of one route, found by its `@id`. It keeps its config in a file, as it does by default. */
export const caddy: StartChanged = async (root, count, cpu) => {
  const [port, admin] = await Promise.all([freePort(), freePort()])
  mkdirSync(root, { recursive: true })
  const file = join(root, 'caddy.json')
  const routes = range(count).map((at) => caddyRoute(at, 'v0'))
  const bench = { listen: [`127.0.0.1:${port}`], automatic_https: { disable: true }, routes }
  const config = {
    admin: { listen: `127.0.0.1:${admin}` },
    logging: { logs: { default: { level: 'ERROR' } } },
    apps: { http: { servers: { bench } } },
  }
  writeFileSync(file, JSON.stringify(config))
  const environment = { ...process.env, HOME: root, XDG_CONFIG_HOME: root, XDG_DATA_HOME: root }
  const child = spawn(...wordsOn(cpu, 'caddy', 'run', '--config', file), {
    stdio: 'ignore',
    env: environment,
  })
  const stop = stopOf(child)
  const startMs = await untilServed(child, port)
  return {
    port,
    startMs,
    change: async (at, body) => {
      // Its admin listener is replaced with the config, and the connection with it.
      const wire = new Wire(admin)
      const { status, body: text } = await wire.ask({
        method: 'PATCH',
        path: `/id/${idAt(at)}`,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(caddyRoute(at, body)),
      })
      wire.close()
      if (status !== 200) throw new Error(`${status} ${text}`)
    },
    stop,
  }
}

const perFile = 100

/** One included file for a hundred routes; the file is written anew and nginx is told to reload. */
const startNginx = async (
  root: string,
  count: number,
  cpu: number | undefined,
  reload: (configFile: string, pid: number) => void,
): Promise<Changed> => {
  const port = await freePort()
  mkdirSync(join(root, 'routes'), { recursive: true })
  const bodies = range(count).map(() => 'v0')
  const fileOf = (file: number): void => {
    const locations = bodies
      .slice(file * perFile, (file + 1) * perFile)
      .map((body, at) => `location = ${pathAt(file * perFile + at)} { return 200 "${body}"; }\n`)
    writeFileSync(join(root, 'routes', `${file}.conf`), locations.join(''))
  }
  for (let file = 0; file * perFile < count; file += 1) fileOf(file)
  const config = join(root, 'nginx.conf')
  writeFileSync(
    config,
    `daemon off;
worker_processes 1;
pid ${root}/nginx.pid;
error_log ${root}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  server {
    listen 127.0.0.1:${port};
    include ${root}/routes/*.conf;
  }
}
`,
  )
  const child = spawn(...wordsOn(cpu, 'nginx', '-p', root, '-c', config), { stdio: 'ignore' })
  const stop = stopOf(child)
  const startMs = await untilServed(child, port)
  return {
    port,
    startMs,
    change: (at, body) => {
      bodies[at] = body
      fileOf(Math.floor(at / perFile))
      reload(config, child.pid!)
      return Promise.resolve()
    },
    stop,
  }
}

/** `nginx -s reload`: a process that reads the whole config to find out whom to tell. */
export const nginx: StartChanged = (root, count, cpu) =>
  startNginx(root, count, cpu, (config) => {
    execFileSync('nginx', ['-p', root, '-c', config, '-s', 'reload'], { stdio: 'ignore' })
  })

/** The signal that it sends, sent by us. */
export const nginxSignal: StartChanged = (root, count, cpu) =>
  startNginx(root, count, cpu, (_, pid) => {
    process.kill(pid, 'SIGHUP')
  })

/** Whether a command is installed. */
export function isInstalled(command: string): boolean {
  try {
    execFileSync(command, [command === 'nginx' ? '-v' : 'version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
