import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainRoute, type Route } from '../../../src/core/route/route.ts'
import { Exchange } from '../../../src/gateway/exchange.ts'
import { createObserver } from '../../../src/gateway/observe/observe.ts'
import { Recorders, wallTime } from '../../../src/gateway/observe/recorders.ts'

const named = (id: string): Route =>
  plainRoute('test', id, 'GET', `/${id}`, { kind: 'uri', uri: 'http://a.test' })

const minuteMs = 60_000

/** How many exchanges of a route are known. */
const known = (recorders: Recorders, route: Route, now: number): number =>
  recorders.figures({ kind: 'route', route }, now, minuteMs).requests

test('routes beyond those that have a place are counted together, and get one when others are idle', () => {
  const recorders = new Recorders(10)
  const routes = Array.from({ length: 25 }, (_, at) => named(`r${at}`))
  const first = routes[0]!
  const serve = (route: Route, now: number): void =>
    recorders.ofRoute(route, now).record(wallTime(now), 1, 200)
  for (const [at, route] of routes.entries()) {
    serve(route, at)
    serve(first, at)
    assert.ok(recorders.routes <= 10)
  }
  assert.equal(known(recorders, first, 30), 26)
  assert.equal(known(recorders, routes[9]!, 30), 1)
  assert.equal(known(recorders, routes[24]!, 30), 0, 'it has no figures of its own')
  // Nothing is made for each of them: they share one.
  assert.equal(recorders.ofRoute(routes[23]!, 40), recorders.ofRoute(routes[24]!, 40))
  serve(first, 11_000)
  serve(routes[24]!, 12_000)
  assert.equal(known(recorders, routes[24]!, 12_000), 1)
  assert.ok(known(recorders, first, 12_000) > 0, 'who was busy keeps its place')
  assert.ok(recorders.routes <= 10)
})

test('code that left is known for ten minutes, and code that lives for ever', () => {
  const recorders = new Recorders()
  const requests = (module: string, now: number): number =>
    recorders.figures({ kind: 'module', module, digest: 'd' }, now, 60 * minuteMs).requests
  recorders.enter('stays', 'd', 0).record(wallTime(0), 1, 200)
  recorders.enter('goes', 'd', 0).record(wallTime(0), 1, 200)
  // Two versions of one code: an earlier one that drains, and the same code again.
  recorders.enter('again', 'd', 0).record(wallTime(0), 1, 200)
  recorders.enter('again', 'd', 0).record(wallTime(0), 1, 200)
  recorders.leave('goes', 'd', minuteMs)
  recorders.leave('again', 'd', minuteMs)
  recorders.enter('other', 'd', 10 * minuteMs)
  assert.deepEqual(
    ['stays', 'goes', 'again'].map((name) => requests(name, 10 * minuteMs)),
    [1, 1, 2],
  )
  recorders.enter('other', 'd', 12 * minuteMs)
  assert.deepEqual(
    ['stays', 'goes', 'again'].map((name) => requests(name, 12 * minuteMs)),
    [1, 0, 2],
  )
})

test('where nothing is counted nobody reads the clock, and copies are made all the same', () => {
  const told: string[] = []
  const observer = createObserver(null, {
    routes: new Map([['copied', true]]),
    began: ({ route }) => void told.push(`began ${route?.id}`),
    ended: ({ route }) => void told.push(`ended ${route?.id}`),
  })
  assert.equal(observer.isTiming, false)
  for (const id of ['other', 'copied']) {
    const exchange = new Exchange({} as never, {} as never)
    exchange.route = named(id)
    observer.began(exchange, exchange.route)
    observer.ended(exchange)
    assert.equal(exchange.recorder, null)
  }
  assert.deepEqual(told, ['ended other', 'began copied', 'ended copied'])
})
