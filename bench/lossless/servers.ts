import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import {
  freePort,
  stopOf,
  untilServed,
  wordsOn,
  type Changed,
  type StartChanged,
} from '../change/servers.ts'
import { pathAt } from '../instance/routes.ts'

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at)

/** A master with one worker, and what changes the text of a route. */
const startHaproxy = async (
  root: string,
  count: number,
  cpu: number | undefined,
  answerOf: (at: number, body: string) => string,
  change: (place: {
    readonly at: number
    readonly body: string
    readonly master: number
    readonly write: () => void
  }) => Promise<void>,
): Promise<Changed> => {
  const port = await freePort()
  mkdirSync(root, { recursive: true })
  const file = join(root, 'haproxy.cfg')
  const bodies = range(count).map(() => 'v0')
  const write = (): void => {
    const rules = bodies.map(
      (body, at) =>
        `  http-request return status 200 content-type text/plain ${answerOf(at, body)} if { path ${pathAt(at)} }\n`,
    )
    // With `expose-fd listeners` a new worker takes over the sockets of the one before.
    writeFileSync(
      file,
      `global
  nbthread 1
  stats socket ${join(root, 'stats')} mode 600 level admin expose-fd listeners
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend all
  bind 127.0.0.1:${port}
${rules.join('')}`,
    )
  }
  writeFileSync(
    join(root, 'bodies.map'),
    bodies.map((body, at) => `${pathAt(at)} ${body}\n`).join(''),
  )
  write()
  const child = spawn(...wordsOn(cpu, 'haproxy', '-W', '-db', '-q', '-f', file), {
    stdio: 'ignore',
  })
  const stop = stopOf(child)
  const startMs = await untilServed(child, port)
  return {
    port,
    startMs,
    change: (at, body) => {
      bodies[at] = body
      return change({ at, body, master: child.pid!, write })
    },
    stop,
  }
}

/** The file is written anew, and the master is told to start another worker. */
export const haproxy: StartChanged = (root, count, cpu) =>
  startHaproxy(
    root,
    count,
    cpu,
    (_, body) => `string "${body}"`,
    ({ master, write }) => {
      write()
      process.kill(master, 'SIGUSR2')
      return Promise.resolve()
    },
  )

/** One command on its socket. */
const command = async (path: string, text: string): Promise<void> => {
  const socket = connect(path)
  let answer = ''
  socket.setEncoding('utf8').on('data', (some: string) => (answer += some))
  socket.end(`${text}\n`)
  await once(socket, 'close')
  if (answer.trim() !== '') throw new Error(answer)
}

/** The texts are in a map, and a command changes one of them in the worker's memory. The map's file stays as it was. */
export const haproxyMap: StartChanged = (root, count, cpu) => {
  const map = join(root, 'bodies.map')
  return startHaproxy(
    root,
    count,
    cpu,
    () => `lf-string "%[path,map(${map})]"`,
    ({ at, body }) => command(join(root, 'stats'), `set map ${map} ${pathAt(at)} ${body}`),
  )
}

/** Ends a process as it wants to be ended. */
type End = () => Promise<void>
type Replace = (end: End, start: () => Promise<End>) => Promise<End>

/** The program is beside its folder, in `gin`. */
const startGin = async (
  root: string,
  cpu: number | undefined,
  replace: Replace,
): Promise<Changed> => {
  const port = await freePort()
  const begin = performance.now()
  const start = async (body: string): Promise<End> => {
    const words = [join(root, '../gin/server'), String(port), pathAt(0), body]
    const child = spawn(...wordsOn(cpu, ...words), { stdio: ['ignore', 'pipe', 'inherit'] })
    const end = stopOf(child)
    await once(child.stdout, 'data')
    return end
  }
  let end = await start('v0')
  return {
    port,
    startMs: performance.now() - begin,
    change: async (_, body) => {
      end = await replace(end, () => start(body))
    },
    stop: () => end(),
  }
}

/** As it is usually done: the process ends by its own `Shutdown`, and then the new one starts. */
export const ginRestarted: StartChanged = (root, _, cpu) =>
  startGin(root, cpu, async (end, start) => {
    await end()
    return start()
  })

/** The best that can be had: the new one listens on the same port by `SO_REUSEPORT`, and then the old one ends so. */
export const ginBeside: StartChanged = (root, _, cpu) =>
  startGin(root, cpu, async (end, start) => {
    const next = await start()
    await end()
    return next
  })
