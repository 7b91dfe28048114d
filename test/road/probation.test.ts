import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createAdminClient } from '../../src/admin/client.ts'
import { isApplied, save, type ServedEvent } from '../hot/support/served.ts'
import { freePort } from './support/instance.ts'
import { failsHalf, openRoad, version, type Road } from './support/rollout.ts'
import { startTraffic, versionOf, type Traffic } from './support/traffic.ts'

const isProbation = ({ event }: ServedEvent): boolean => event === 'probation'

/** What an `event: probation` says. */
// oxlint-disable-next-line typescript/no-explicit-any -- its shape is what the tests assert
const toldBy = (event: ServedEvent): any => event

interface Watched {
  readonly road: Road
  readonly traffic: Traffic
}

async function underLoad(t: TestContext, words: readonly string[] = []): Promise<Watched> {
  const road = await openRoad(t, { 'users.js': version('1.0.0') }, { words })
  const traffic = startTraffic(t, road.instance.port)
  await traffic.more(300)
  return { road, traffic }
}

/** It was taken back by a revision of its own, which says why; the decision fell within 200 ms of the 50th bad answer. */
async function demandTakenBack({ road, traffic }: Watched, event: ServedEvent): Promise<void> {
  const { instance } = road
  const verdict = toldBy(event)
  assert.equal(verdict.state, 'breached')
  assert.match(verdict.reason, /^errorRate is [\d.]+%, not <= 1% \(stable 0%\); chance does so/)
  assert.equal(verdict.before.errors, 0)
  const within = 50 + 0.2 * (traffic.perSecond() / 2)
  assert.ok(verdict.since.errors <= within, `${verdict.since.errors} of at most ${within}`)
  const { body } = await instance.send('GET', `/api/revisions/${verdict.takenBackBy}`)
  assert.equal(body.takesBack, verdict.revision)
  assert.equal(body.author, 'turnout')
  assert.equal(body.reason, `revision ${verdict.revision} made it worse: ${verdict.reason}`)
  const failed = traffic.count(500)
  await traffic.more(100)
  assert.equal(traffic.count(500), failed, 'nobody meets it any more')
  assert.equal((await versionOf(instance.port, '/users')).version, '1.0.0')
}

test('a saved file that fails half of its requests is taken back by itself', async (t) => {
  const watched = await underLoad(t)
  const told = watched.road.instance.next(isProbation)
  save(watched.road.served, 'users.js', version('1.1.0', failsHalf))
  const event = await told
  await demandTakenBack(watched, event)
  const { out } = await watched.road.turnout('status')
  assert.match(out, /diverged +files:users/)
})

test('a published module that fails is taken back; what others published since stays', async (t) => {
  const road = await openRoad(t, { 'other.js': version('1.0.0').replace('/users', '/other') })
  const { instance, turnout, write } = road
  const publish = async (...files: readonly string[]): Promise<void> => {
    const { code, out, err } = await turnout('publish', ...files)
    assert.equal(code, 0, out + err)
  }
  await publish(write('users.js', version('1.0.0')))
  const before = startTraffic(t, instance.port)
  await before.more(100)
  await before.stop()
  assert.deepEqual([...before.answers.keys()], ['200 1.0.0'])
  await publish(write('users.js', version('1.1.0', failsHalf)), '--force')
  await publish(
    write('ping.yaml', { id: 'ping', path: '/ping', target: { respond: { status: 204 } } }),
  )

  const client = createAdminClient({ url: instance.admin, token: instance.token })
  const ending = new AbortController()
  const heard = eventNamed(client.follow({ signal: ending.signal }), 'probation')
  const told = instance.next(isProbation)
  const traffic = startTraffic(t, instance.port)
  const verdict = await told
  await demandTakenBack({ road, traffic }, verdict)
  assert.deepEqual({ event: 'probation', ...(await heard) }, verdict)
  ending.abort()
  assert.equal((await instance.ask('/ping')).status, 204)
})

test('a route that is sent to an address where nobody answers is taken back', async (t) => {
  const road = await openRoad(t, { 'users.js': version('1.0.0') })
  const { instance, turnout, write } = road
  const publish = (target: object, ...words: readonly string[]): ReturnType<Road['turnout']> =>
    turnout('publish', write('shop.yaml', { id: 'shop', path: '/shop', target }), ...words)
  await publish({ respond: { status: 200, body: 'well' } })
  const traffic = startTraffic(t, instance.port, { path: '/shop' })
  await traffic.more(100)
  const told = instance.next(isProbation)
  await publish({ uri: `http://127.0.0.1:${await freePort()}` }, '--force')
  const verdict = toldBy(await told)
  assert.match(verdict.reason, /^errorRate is 100%, not <= 1% \(stable 0%\)/)
  assert.equal(typeof verdict.takenBackBy, 'number')
  assert.equal((await instance.ask('/shop')).text, 'well')
})

test('--no-probation: nobody watches', async (t) => {
  const { road, traffic } = await underLoad(t, ['--no-probation'])
  const { served, instance } = road
  save(served, 'users.js', version('1.1.0', failsHalf))
  await instance.next(isApplied('users', '1.1.0'), 0)
  await traffic.more(1_000)
  assert.equal((await versionOf(instance.port, '/users')).version, '1.1.0')
  assert.ok(!instance.events.some(isProbation))
})

/** The data of the first event of a name. */
async function eventNamed(
  events: AsyncIterable<{ readonly name: string; readonly data: unknown }>,
  name: string,
): Promise<object> {
  for await (const event of events) if (event.name === name) return event.data as object
  throw new Error(`no event ${name} came`)
}
