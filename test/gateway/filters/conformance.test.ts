import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Filter } from '../../../src/core/route/filter.ts'
import { addRoutes, emptyTable, type Table } from '../../../src/core/route/table.ts'
import { filterKinds } from '../../../src/core/route/filter-kinds.ts'
import { withFilters } from '../../../src/gateway/filters/compile.ts'
import { Reply, handled } from '../../../src/gateway/reply.ts'
import type { Handler } from '../../../src/gateway/snapshot.ts'
import { samples } from './samples.ts'
import { around, answers, openExchange, openUpstreams, routeWith } from './support.ts'

/** A filter that answers by itself, or that asks for credentials, never asks what comes after it. */
const answersItself = (kind: Filter['kind']): boolean =>
  ['redirect', 'key-auth', 'basic-auth', 'jwt'].includes(kind)

/** What may wait is asked as a promise, as middleware is. */
const isLate = (kind: Filter['kind']): boolean => kind === 'module'

const kinds = Object.keys(filterKinds) as Filter['kind'][]

test('every kind of the catalogue has a sample, and no other', () => {
  assert.deepEqual(Object.keys(samples).sort(), kinds.toSorted())
})

for (const kind of kinds) {
  const filter = samples[kind]
  const reached = answersItself(kind) ? 0 : 1

  test(`${kind}: an answer at once stays one`, () => {
    const target = answers(200)
    const reply = around(filter, target)(openExchange().exchange)
    assert.equal(reply instanceof Reply, !isLate(kind))
    assert.equal(target.count, reached)
  })

  test(`${kind}: a late answer is waited for`, async () => {
    const late: Handler = () => Promise.resolve(new Reply(201, [], 'late'))
    const reply = around(filter, late)(openExchange().exchange)
    assert.equal(reply instanceof Promise, reached === 1)
    const { status, body } = await reply
    if (reached === 1) assert.deepEqual([status, body], [201, 'late'])
  })

  test(`${kind}: an error of the target passes as it is`, async () => {
    const error = new Error('of the target')
    const handler = (target: Handler) => () => around(filter, target)(openExchange().exchange)
    const throwing = handler(() => {
      throw error
    })
    const rejecting = handler(() => Promise.reject(error))
    if (reached === 0) return assert.doesNotThrow(throwing)
    if (isLate(kind)) await assert.rejects(async () => throwing(), error)
    else assert.throws(throwing, (thrown) => thrown === error)
    return assert.rejects(
      async () => rejecting(),
      (thrown) => thrown === error,
    )
  })

  test(`${kind}: an answer that exchanges share is not changed`, async () => {
    const fields = ['x-answer', 'shared', 'vary', 'Accept']
    const shared = new Reply(503, Object.freeze([...fields]) as string[], 'shared')
    Object.freeze(shared)
    for (const answer of [shared, Promise.resolve(shared)]) {
      const handler = around(filter, () => answer)
      await handler(openExchange({ headers: ['origin', 'https://a.test'] }).exchange)
    }
    assert.deepEqual(shared, new Reply(503, fields, 'shared'))
  })

  test(`${kind}: an answer that is written already stays what it is`, async () => {
    const upgrade = { upgrade: 'websocket', headers: ['upgrade', 'websocket', 'origin', 'null'] }
    const handler = around(filter, () => handled)
    const late = around(filter, () => Promise.resolve(handled))
    if (reached === 0) return
    assert.equal(await handler(openExchange(upgrade).exchange), handled)
    assert.equal(await late(openExchange(upgrade).exchange), handled)
    assert.deepEqual(handled, new Reply(0, [], null))
  })

  test(`${kind}: what it changes is not seen by another exchange, nor by the client's own`, () => {
    const handler = around(filter)
    const one = openExchange({ headers: ['x-sent', 'a'] })
    const other = openExchange({ headers: ['x-sent', 'a'] })
    // `headers` is not of its own fields.
    const shown = ({ outbound }: typeof one): object =>
      Object.assign({}, outbound(), { headers: outbound().headers })
    const before = structuredClone(shown(other))
    // The client's own list is frozen: a change throws.
    void handler(one.exchange)
    assert.deepEqual(shown(other), before)
    assert.equal(one.exchange.transport.headers(), one.headers)
    void handler(other.exchange)
    // Each has begun when it began.
    const timeless = (all: typeof one): unknown => ({ ...shown(all), life: null })
    assert.deepEqual(timeless(other), timeless(one))
  })

  test(`${kind}: HEAD goes on as HEAD`, async () => {
    const asked: string[] = []
    const target: Handler = ({ method }) => {
      asked.push(method)
      return new Reply(200, ['content-length', '5'], null)
    }
    const reply = await around(filter, target)(openExchange({ method: 'HEAD' }).exchange)
    assert.deepEqual(asked, reached === 1 ? ['HEAD'] : [])
    if (reached === 1) assert.deepEqual([reply.body, reply.header('content-length')], [null, '5'])
  })

  test(`${kind}: state lives on with route and settings, and with nothing else`, () => {
    const upstreams = openUpstreams()
    const made: unknown[] = []
    const stateOf = upstreams.stateOf.bind(upstreams)
    upstreams.stateOf = (routeId, settings, make) => {
      const state = stateOf(routeId, settings, make)
      made.push(state)
      return state
    }
    const compile = (id: string, settings: Filter): void => {
      withFilters(routeWith([settings], id), answers(200), upstreams)
    }
    compile('a', filter)
    if (made.length === 0) return
    compile('a', structuredClone(filter))
    compile('b', filter)
    compile('a', { ...filter, changed: true } as never)
    assert.equal(made[1], made[0])
    // Who is in a bulkhead is in it, whatever its numbers are.
    assert.equal(new Set(made).size, kind === 'bulkhead' ? 2 : 3)
  })

  test(`${kind}: a thousand exchanges leave one state`, async () => {
    const upstreams = openUpstreams()
    const states = new Set<unknown>()
    const stateOf = upstreams.stateOf.bind(upstreams)
    upstreams.stateOf = (routeId, settings, make) => {
      const state = stateOf(routeId, settings, make)
      states.add(state)
      return state
    }
    const handler = around(filter, answers(200), upstreams)
    const sizes = (): number[] => [...states].map((state) => (state as { size?: number }).size ?? 0)
    await handler(openExchange().exchange)
    const before = sizes()
    for (let at = 0; at < 1_000; at += 1) await handler(openExchange().exchange)
    assert.deepEqual(sizes(), before)
  })
}

test('the first filter is outermost', async () => {
  const reply = await around([
    { kind: 'add-response-header', name: 'x-order', value: 'first' },
    { kind: 'add-response-header', name: 'x-order', value: 'second' },
  ])(openExchange().exchange)
  assert.deepEqual(reply.headers.slice(-4), ['x-order', 'second', 'x-order', 'first'])
})

test('state of a filter that is changed, and of a route that goes, is forgotten', () => {
  const upstreams = openUpstreams()
  const made: number[] = []
  const limit = (burst: number): Filter => ({
    kind: 'rate-limit',
    perSecond: 1,
    burst,
    key: null,
  })
  const stateOf = (burst: number): number =>
    upstreams.stateOf('route', limit(burst), () => made.push(burst))
  const tableWith = (...bursts: readonly number[]): Table =>
    addRoutes(emptyTable, [routeWith(bursts.map(limit))]).table
  const [one, both, none] = [tableWith(1), tableWith(1, 2), emptyTable]
  stateOf(1)
  upstreams.apply(one, both)
  assert.equal(stateOf(1), 1, 'it is still there')
  stateOf(2)
  upstreams.apply(both, one)
  stateOf(1)
  assert.deepEqual(made, [1, 2])
  stateOf(2)
  assert.deepEqual(made, [1, 2, 2])
  upstreams.apply(one, none)
  stateOf(1)
  assert.deepEqual(made, [1, 2, 2, 1])
})
