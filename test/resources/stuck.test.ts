import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ResourceEvent } from '../../src/core/protect/resources.ts'
import type { Exchange } from '../../src/gateway/exchange.ts'
import type { UnderWay } from '../../src/gateway/upstream/open-streams.ts'
import { Stuck } from '../../src/worker/resources/stuck.ts'

const exchange = (own: object = {}): Exchange =>
  ({
    startedAt: 1,
    isOver: false,
    isEndless: false,
    mirrored: false,
    method: 'GET',
    pattern: '/shop',
    route: { id: 'shop', target: { kind: 'upstream', upstream: 'shop' } },
    transport: { isHeadSent: false, bytesMoved: () => 100 },
    ...own,
  }) as unknown as Exchange

interface Under {
  readonly modules?: readonly Exchange[]
  readonly upstreams?: readonly UnderWay[]
  readonly waiting?: number
}

/** What is told, a line for each, when what is under way is looked at each second. */
function run(turns: readonly Under[], settings: object = {}): readonly string[] {
  let now: Under = {}
  const told: string[] = []
  const stuck = new Stuck(
    { exchangeMs: 3_000, waitingMs: 3_000, ...settings },
    {
      inModules: () => now.modules ?? [],
      withUpstreams: () => now.upstreams ?? [],
      waiting: () => [['shop', now.waiting ?? 0] as const],
    },
    ({ resource, level, value }: ResourceEvent) => told.push(`${resource} ${level} ${value}`),
  )
  turns.forEach((turn, at) => {
    now = turn
    stuck.sweep(at * 1_000)
  })
  return told
}

const times = <Value>(count: number, value: Value): readonly Value[] => Array(count).fill(value)
const stuckOne = exchange()
const kept = { exchange: exchange({ isOver: true }) } as UnderWay
let moved = 0

const cases: readonly {
  readonly name: string
  readonly turns: readonly Under[]
  readonly settings?: object
  readonly told: readonly string[]
}[] = [
  {
    name: 'an exchange without an answer, where nothing moves, once',
    turns: times(8, { modules: [stuckOne] }),
    told: ['exchange over 4999'],
  },
  {
    name: 'one whose bytes still come is left alone',
    turns: times(8, {
      modules: [exchange({ transport: { isHeadSent: false, bytesMoved: () => (moved += 1) } })],
    }),
    told: [],
  },
  {
    name: 'one whose answer is under way is left alone',
    turns: times(8, { modules: [exchange({ transport: { isHeadSent: true } })] }),
    told: [],
  },
  {
    name: 'one of an upstream is told, too',
    turns: times(8, { upstreams: [{ exchange: exchange() } as UnderWay] }),
    told: ['exchange over 4999'],
  },
  {
    name: 'a connection that outlives its exchange, once',
    turns: times(8, { upstreams: [kept] }),
    told: ['connection over 3000'],
  },
  {
    name: 'one that is given back meanwhile is not told',
    turns: [...times(3, { upstreams: [kept] }), {}, ...times(3, { upstreams: [kept] })],
    told: [],
  },
  {
    name: 'a waiting list that never empties, and when it is empty again',
    turns: [...times(5, { waiting: 2 }), {}],
    told: ['waiting over 3000', 'waiting under 5000'],
  },
  {
    name: 'one that is empty now and then is left alone',
    turns: [...times(3, { waiting: 2 }), {}, ...times(3, { waiting: 1 })],
    told: [],
  },
  {
    name: '0 turns it off',
    turns: times(8, { modules: [exchange()], upstreams: [kept], waiting: 3 }),
    settings: { exchangeMs: 0, waitingMs: 0 },
    told: [],
  },
]

for (const { name, turns, settings, told } of cases)
  test(name, () => assert.deepEqual(run(turns, settings), told))
