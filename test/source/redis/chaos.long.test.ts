import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openBackEnd, openGateway, until } from './gateway.ts'
import { noServer, openRedis } from './server.ts'

const host = 'a.example.test'
const rounds = 40

/** Seeded, so that a failure can be run again: `TURNOUT_SEED=... npm run test:long -- redis/chaos`. */
const seed = Number(process.env['TURNOUT_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

function drawing(from: number): (below: number) => number {
  let state = from
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
}

test(
  `whatever happens to the server, nothing fails and the last good value is served (seed ${seed})`,
  {
    skip: noServer ?? false,
  },
  async (t) => {
    const draw = drawing(seed)
    const redis = await openRedis(t)
    const names = ['one', 'two', 'three']
    const backends = await Promise.all(names.map((name) => openBackEnd(t, name)))
    const put = async (at: number): Promise<void> => {
      await redis.send('SET', 'routing_rules', JSON.stringify([{ host, backend: backends[at] }]))
    }
    await put(0)
    const { load, untilAnswer, turnout } = await openGateway(t, { url: redis.url })
    const end = load(host, /^(one|two|three)$/)
    const harms: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['break', () => redis.send('SET', 'routing_rules', '[{')],
      ['empty', () => redis.send('SET', 'routing_rules', '')],
      ['delete', () => redis.send('DEL', 'routing_rules')],
      ['another type', () => redis.send('HSET', 'routing_rules', 'a', 'b').catch(() => undefined)],
      ['flush', () => redis.send('FLUSHALL')],
      ['kill clients', () => redis.send('CLIENT', 'KILL', 'TYPE', 'normal').catch(() => undefined)],
      ['kill listeners', () => redis.send('CLIENT', 'KILL', 'TYPE', 'pubsub')],
      ['pause', () => redis.send('CLIENT', 'PAUSE', '1500', 'ALL')],
      [
        'stop and go on',
        async () => {
          redis.signal('SIGSTOP')
          await delay(draw(6_000))
          redis.signal('SIGCONT')
        },
      ],
      [
        'restart empty',
        async () => {
          await redis.stop()
          await delay(draw(3_000))
          await redis.start()
        },
      ],
    ]
    for (let round = 0; round < rounds; round += 1) {
      const [harm, act] = harms[draw(harms.length)]!
      const at = draw(names.length)
      t.diagnostic(`${round}: ${harm}`)
      await act()
      await delay(draw(500))
      await redis.send('DEL', 'routing_rules')
      await put(at)
      // After an outage the back-off comes on top.
      await until(() => turnout.sources[0]!.connection === 'up', 20_000)
      await untilAnswer(host, names[at]!)
      await until(() => turnout.sources[0]!.alarms.length === 0, 20_000)
    }
    assert.deepEqual(await end(), [])
  },
)
