import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '@redis/client'
import { freePort } from '../../road/support/instance.ts'

/** What Debian puts beside the programs of everybody. */
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin` }

/** Why there is no server here; null: there is one. CI must have one. */
export const noServer: string | null =
  spawnSync('redis-server', ['--version'], { stdio: 'ignore', env }).error === undefined
    ? null
    : 'redis-server is not installed'

if (noServer !== null && process.env['TURNOUT_REDIS_REQUIRED'] === '1') throw new Error(noServer)

/** A server of a test, which keeps nothing on the disk. */
export interface RedisServer {
  readonly port: number
  readonly url: string
  /** One command on a connection of its own. */
  readonly send: (...words: string[]) => Promise<unknown>
  /** Several, one after the other, on one connection. */
  readonly sendAll: (commands: readonly (readonly string[])[]) => Promise<void>
  /** Stops it with what it has, and starts it again on the same port. */
  readonly stop: () => Promise<void>
  readonly start: (...words: string[]) => Promise<void>
  readonly signal: (name: NodeJS.Signals) => void
}

export async function openRedis(t: TestContext, ...words: string[]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'turnout-redis-'))
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  let child: ChildProcess | null = null
  let said = ''
  const withClient = async <Value>(
    use: (client: ReturnType<typeof createClient>) => Promise<Value>,
  ): Promise<Value> => {
    const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return await use(client as never)
    } finally {
      client.destroy()
    }
  }
  const one = (command: readonly string[]): Promise<unknown> =>
    withClient((client) => client.sendCommand([...command]))
  const stop = async (): Promise<void> => {
    const stopped = child
    child = null
    if (stopped === null || stopped.exitCode !== null) return
    const ended = once(stopped, 'close')
    stopped.kill('SIGKILL')
    await ended
  }
  const start = async (...more: string[]): Promise<void> => {
    const usual = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder]
    child = spawn('redis-server', [...usual, ...more], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    for (let left = 200; left > 0; left -= 1) {
      if (child.exitCode !== null) break
      const isUp = await one(['PING']).then(
        () => true,
        (error: unknown) => /NOAUTH/.test(String(error)),
      )
      if (isUp) return
      await delay(25)
    }
    throw new Error(`redis-server does not listen: ${said}`)
  }
  t.after(async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  })
  await start(...words)
  return {
    port,
    url,
    send: (...command) => one(command),
    sendAll: (commands) =>
      withClient(async (client) => {
        for (const command of commands) await client.sendCommand([...command])
      }),
    stop,
    start,
    signal: (name) => void child?.kill(name),
  }
}
