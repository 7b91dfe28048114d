import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byUser, failsHalf, openRoad, quickly, version } from './support/rollout.ts'
import { startTraffic, versionOf } from './support/traffic.ts'

test('a file is rolled out under load from the command line, looked at in the middle, and promoted', async (t) => {
  const road = await openRoad(t, { 'users.js': version('1.3.0') })
  const { instance, turnout, write, until, steps } = road
  const traffic = startTraffic(t, instance.port)
  await traffic.more(50)
  const plan = write('plan.yaml', {
    ...byUser,
    steps: [
      { verify: { percent: 100, samples: 20 } },
      { weight: 20 },
      { analysis: { count: 2 } },
      { pause: null },
      { weight: 60 },
      { watch: '1s' },
    ],
    analysis: quickly,
  })
  const file = write('users.js', version('2.0.0'))
  const started = turnout('rollout', 'start', file, '--plan', plan, '--reason', 'tiers', '--follow')
  await until('users', ({ status }) => status === 'paused')
  await traffic.more(500)

  const { out: table } = await turnout('versions')
  assert.match(table, /^users +2\.0\.0 +current +20 % +- +\d+ % +0 % +[\d.]+ ms$/m)
  assert.match(table, /^users +1\.3\.0 +current +80 % +- +\d+ % +0 % +[\d.]+ ms$/m)
  const { body: versions } = await instance.send('GET', '/api/versions')
  t.diagnostic(JSON.stringify(versions))
  await turnout('rollout', 'resume', 'users', '--reason', 'looks well')

  const { code, out, err } = await started
  assert.equal(code, 0, out + err)
  assert.match(out, /✓ users 1\.3\.0 → 2\.0\.0 {2}promoted, all clients are on 2\.0\.0$/m)
  const before = traffic.answers.get('200 1.3.0')
  await traffic.more(200)
  assert.equal(traffic.answers.get('200 1.3.0'), before, 'nobody meets the version before')
  await traffic.stop()
  assert.deepEqual([...traffic.answers.keys()].sort(), ['200 1.3.0', '200 2.0.0'])
  t.diagnostic(out)
  t.diagnostic((await steps()).join('\n'))
  t.diagnostic((await turnout('history')).out)
  t.diagnostic((await turnout('versions')).out)
})

test('a canary that fails half of its requests ends the rollout: exit code 1, and why', async (t) => {
  const road = await openRoad(t, { 'users.js': version('1.3.0') })
  const { instance, turnout, write } = road
  const traffic = startTraffic(t, instance.port)
  await traffic.more(500)
  const before = traffic.count()
  const plan = write('plan.yaml', { ...byUser, steps: ['weight 5', 'analysis', 'watch 1s'] })
  const file = write('users.js', version('2.0.0', failsHalf))
  const { code, out, err } = await turnout('rollout', 'start', file, '--plan', plan, '--follow')
  assert.equal(code, 1, out + err)
  assert.match(out, /aborted, all clients are on 1\.3\.0: errorRate is [\d.]+%, not <= /)
  t.diagnostic(out)
  const [all, bad] = [traffic.count() - before, traffic.count(500)]
  t.diagnostic(`${all} ${bad} ${traffic.perSecond()}`)
  const { body } = await instance.send('GET', '/api/rollouts/users/measurements')
  t.diagnostic(JSON.stringify(body.items[0]))
  assert.equal((await versionOf(instance.port, '/users')).version, '1.3.0')
})
