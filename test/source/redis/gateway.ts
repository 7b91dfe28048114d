import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { request } from 'node:http'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Problem } from '../../../src/core/errors.ts'
import { openTurnout, createTurnout, type Turnout } from '../../../src/turnout.ts'
import type { RedisOptions } from '../../../src/turnout-redis.ts'

/** What a change must be served within, as docs/guide/redis.md says. */
export const convergeMs = 6_000

export interface Gateway {
  readonly turnout: Turnout
  readonly port: number
  /** What was told by the event `source`; null: all is well again. */
  readonly told: (Problem | null)[]
  readonly logged: string[]
  /** Who answers for a host: the name of the back end, or the status. */
  readonly ask: (host: string, path?: string) => Promise<string>
  /** Resolves when a host is answered so; fails when it is not within the time that is documented. */
  readonly untilAnswer: (host: string, expected: string) => Promise<void>
  /** The same for a source's status. */
  readonly untilStatus: (field: 'connection' | 'value', expected: string) => Promise<void>
  /** Asks a host again and again; the function that ends it gives the answers that were not as expected. */
  readonly load: (host: string, expected: RegExp) => () => Promise<readonly string[]>
}

/** An HTTP server that says its name; its `HOST:PORT`. */
export async function openBackEnd(t: TestContext, name: string): Promise<string> {
  const server = createServer((_, response) => response.end(name))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Resolves when it is so; fails when it is not within the time that is documented. */
export async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + convergeMs
  while (!isSo()) {
    assert.ok(Date.now() < deadline, `it is not so: ${isSo}`)
    await delay(20)
  }
}

/** A Turnout that follows a key. */
export async function openGateway(
  t: TestContext,
  redis: RedisOptions | null,
  data: string | null = null,
): Promise<Gateway> {
  const told: (Problem | null)[] = []
  const logged: string[] = []
  const say = (message: string, fields: object = {}): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`)
  }
  const logger = { debug: say, info: () => undefined, warn: say, error: say }
  const turnout = data === null ? createTurnout({ logger }) : await openTurnout({ logger, data })
  t.after(() => turnout.close(0))
  turnout.on('source', ({ problem }) => told.push(problem))
  const { port } = new URL((await turnout.listen({ port: 0 })).url)
  if (redis !== null) await turnout.redis(redis)
  const ask: Gateway['ask'] = async (host, path = '/') => {
    const sent = request({ port, path, host: '127.0.0.1', agent: false, headers: { host } })
    sent.end()
    const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage]
    let text = ''
    for await (const part of response.setEncoding('utf8')) text += part
    return response.statusCode === 200 ? text : String(response.statusCode)
  }
  const waitFor = async (read: () => Promise<string> | string, expected: string) => {
    const deadline = Date.now() + convergeMs
    for (;;) {
      const actual = await read()
      if (actual === expected) return
      if (Date.now() > deadline)
        assert.equal(actual, expected, `${JSON.stringify(turnout.sources)} ${logged.join('\n')}`)
      await delay(20)
    }
  }
  return {
    turnout,
    port: Number(port),
    told,
    logged,
    ask,
    untilAnswer: (host, expected) => waitFor(() => ask(host), expected),
    untilStatus: (field, expected) =>
      waitFor(() => turnout.sources[0]?.[field] ?? 'none', expected),
    load: (host, expected) => {
      const state = { isOver: false }
      const wrong: string[] = []
      const running = (async () => {
        while (!state.isOver) {
          const answer = await ask(host).catch((error: unknown) => String(error))
          if (!expected.test(answer)) wrong.push(answer)
          await delay(2)
        }
      })()
      return async () => {
        state.isOver = true
        await running
        return wrong
      }
    },
  }
}
