import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeasurementItem, RolloutItem, VersionItem } from '../../src/admin/answers.ts'
import { startInstance } from './support/instance.ts'
import {
  byUser,
  failsHalf,
  openRoad,
  quickly,
  roadOf,
  version,
  type Road,
} from './support/rollout.ts'
import { startTraffic, versionOf } from './support/traffic.ts'

/** Starts a rollout of the module `users` and follows it to its end. */
function follow(
  { turnout, write }: Road,
  canary: string,
  plan: object,
): ReturnType<Road['turnout']> {
  const words = [write('users.js', canary), '--plan', write('plan.yaml', plan)]
  return turnout('rollout', 'start', ...words, '--reason', 'tiers', '--follow')
}

async function measured({ instance }: Road): Promise<readonly MeasurementItem[]> {
  const { body } = await instance.send('GET', '/api/rollouts/users/measurements')
  return body.items as readonly MeasurementItem[]
}

test('a file is rolled out under load from the command line, and looked at in the middle', async (t) => {
  const road = await openRoad(t, { 'users.js': version('1.3.0') })
  const { instance, turnout, until } = road
  const traffic = startTraffic(t, instance.port)
  await traffic.more(50)
  const started = follow(road, version('2.0.0'), {
    ...byUser,
    steps: [
      { verify: { percent: 100, samples: 20 } },
      'weight 20',
      'analysis 2',
      'pause',
      'weight 60',
      'watch 1s',
    ],
    analysis: quickly,
  })
  await until('users', ({ status }) => status === 'paused')
  await traffic.more(500)

  const { out: table } = await turnout('versions')
  assert.match(table, /^users +2\.0\.0 +current +20 % +- +[\d.]+ % +0 % +[\d.]+ ms$/m)
  assert.match(table, /^users +1\.3\.0 +current +80 % +- +[\d.]+ % +0 % +[\d.]+ ms$/m)
  const { body } = await instance.send('GET', '/api/versions')
  const rows = body.items as readonly VersionItem[]
  assert.deepEqual(
    rows.map(({ name, version: of, weight }) => [name, of, weight]),
    [
      ['users', '2.0.0', 20],
      ['users', '1.3.0', 80],
    ],
  )
  assert.ok(Math.abs(rows[0]!.share! + rows[1]!.share! - 1) < 1e-9)
  const { code: resumed } = await turnout('rollout', 'resume', 'users', '--reason', 'looks well')
  assert.equal(resumed, 0)

  const { code, out, err } = await started
  assert.equal(code, 0, out + err)
  assert.match(out, /✓ users 1\.3\.0 → 2\.0\.0 {2}promoted, all clients are on 2\.0\.0$/m)
  const before = traffic.answers.get('200 1.3.0')
  await traffic.more(200)
  assert.equal(traffic.answers.get('200 1.3.0'), before, 'nobody meets the version before')
  await traffic.stop()
  assert.deepEqual([...traffic.answers.keys()].sort(), ['200 1.3.0', '200 2.0.0'])
  const { body: history } = await instance.send('GET', '/api/revisions')
  assert.deepEqual(
    (history.items as readonly { author: string; reason: string }[])
      .map(({ author, reason }) => `${author}: ${reason.replace(/\d+ of \d+/, 'N')}`)
      .toReversed(),
    [
      'files: users',
      'admin-token: tiers',
      'rollout:users: running: N comparisons differ',
      'rollout:users: running: weight 20',
      'rollout:users: running: 2 judgements in a row passed',
      'rollout:users: paused: it waits until somebody resumes, promotes or aborts it',
      'admin-token: looks well',
      'rollout:users: running: weight 60',
      'rollout:users: watching: all steps are done',
      'rollout:users: promoted: it kept to its conditions while it was watched',
    ],
  )
})

test('a canary of 5 % that fails half of its requests ends the rollout: exit code 1, and why', async (t) => {
  const road = await openRoad(t, { 'users.js': version('1.3.0') })
  const traffic = startTraffic(t, road.instance.port)
  await traffic.more(500)
  let before = traffic.count()
  const steps = ['weight 5', 'analysis', 'watch 1s']
  const started = follow(road, version('2.0.0', failsHalf), { ...byUser, steps })
  for (; traffic.count(500) === 0; await traffic.more(1)) before = traffic.count()
  const { code, out, err } = await started
  assert.equal(code, 1, out + err)
  assert.match(out, /✗ .* aborted, all clients are on 1\.3\.0: errorRate is [\d.]+%, not <= /)
  const share = traffic.count(500) / (traffic.count() - before)
  assert.ok(share <= 0.07, `${(share * 100).toFixed(1)} % of all answers failed`)
  const [decisive] = await measured(road)
  assert.equal(decisive!.verdict, 'fail')
  const within = 50 + 0.2 * traffic.perSecond() * 0.05 * 0.5
  assert.ok(decisive!.canary.errors <= within, `${decisive!.canary.errors} of at most ${within}`)
  const failed = traffic.count(500)
  await traffic.more(200)
  assert.equal(traffic.count(500), failed, 'nobody meets it any more')
  assert.equal((await versionOf(road.instance.port, '/users')).version, '1.3.0')
})

for (const isKilled of [false, true])
  test(`a canary that begins to fail when all have it goes back in one apply${isKilled ? ', after a kill -9 too' : ''}`, async (t) => {
    let road = await openRoad(t, { 'users.js': version('1.3.0') })
    const { port, data, pid } = road.instance
    const traffic = startTraffic(t, port)
    const failsLater = `c.header('x-new') === undefined ? c.json({ users: [7] }) : c.status(500).text('failed')`
    const words = [road.write('users.js', version('2.0.0', failsLater)), '--plan']
    const steps = ['weight 20', 'analysis 1', 'watch 10m']
    words.push(road.write('plan.yaml', { ...byUser, steps, analysis: quickly }))
    assert.equal((await road.turnout('rollout', 'start', ...words)).code, 0)
    const watching = await road.until('users', ({ status }) => status === 'watching')
    await traffic.stop()
    if (isKilled) {
      process.kill(pid, 'SIGKILL')
      await road.instance.ended
      road = roadOf(t, await startInstance(t, road.served, { data, port }), road.served)
    }
    // A kind of request that nobody made before.
    const news = startTraffic(t, port, { clients: 4, headers: { 'x-new': 'yes' } })
    const { status, reason, revision } = await road.until('users', (one) => one.endedAt !== null)
    assert.equal(status, 'aborted')
    assert.match(reason, /^errorRate is [\d.]+%, not <= 1% \(stable 0%\)/)
    assert.equal(revision, watching.revision + 1)
    assert.equal((await versionOf(port, '/users')).version, '1.3.0')
    const failed = news.count(500)
    await news.more(200)
    assert.equal(news.count(500), failed)
  })

/** What differs in each answer anyway, and what a write does. */
const shop = (text: string, answer: string): string => `let writes = 0
export default {
  version: '${text}',
  register(routes) {
    routes.get('/users', (c) => c.json({ at: Date.now(), id: Math.random(), price: 1, ${answer} }))
    routes.post('/users', (c) => c.json({ writes: ++writes }))
  },
}
`
const verifying = {
  ...byUser,
  steps: [{ verify: { percent: 100, samples: 60, maxDifferentPercent: 1 } }, 'pause'],
}

test('verify sees a changed field before anybody is served by it, and no time stamp; writes are done once', async (t) => {
  const road = await openRoad(t, { 'users.js': shop('1.3.0', 'tier: "low"') })
  const { instance, until, turnout } = road
  const traffic = startTraffic(t, instance.port, { clients: 4 })
  const bad = await follow(road, shop('2.0.0', 'tier: "high"'), verifying)
  assert.equal(bad.code, 1, bad.out + bad.err)
  assert.match(
    bad.out,
    /aborted, all clients are on 1\.3\.0: \d+ of \d+ comparisons differ, more than 1%/,
  )
  const { out } = await turnout('rollout', 'status', 'users')
  assert.match(out, /body \/tier: "low" → "high", \d+ of them, 0 by chance; GET \/users/)

  const good = follow(road, shop('2.0.0', 'tier: "low"'), verifying)
  const isMeant = ({ status }: RolloutItem): boolean => status === 'paused'
  for (let write = 1; write <= 20; write += 1) {
    const { body } = await instance.askAs(`http://127.0.0.1:${instance.port}`, 'POST', '/users', {})
    assert.equal(body.writes, write)
  }
  const { verify, reason } = await until('users', isMeant)
  assert.equal(verify!.different, 0, JSON.stringify(verify))
  assert.match(reason, /^it waits until/)
  await turnout('rollout', 'abort', 'users', '--reason', 'that was all')
  assert.equal((await good).code, 1)
  await traffic.stop()
})
