import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { runCommand } from '../cli/rollout-support.ts'
import { freePort, startInstance } from './support/instance.ts'
import { byUser, openRoad, quickly, roadOf, version, type Road } from './support/rollout.ts'
import { startTraffic, usersOf } from './support/traffic.ts'

const plan = {
  ...byUser,
  steps: [
    { verify: { percent: 100, samples: 1_000 } },
    { weight: 20 },
    { pause: null },
    { cohort: { weight: 50, predicates: [{ kind: 'header', name: 'tier', equals: 'high' }] } },
    { analysis: { count: 2 } },
    { watch: '6s' },
  ],
  // More than what the test asks for itself.
  analysis: { ...quickly, minimumSamples: 300 },
}

/** Where the process is killed, and what it goes on with after a restart. */
interface Kill {
  readonly in: string
  /** Kills it there, from where it was started. */
  readonly until: (road: Road, t: TestContext) => Promise<unknown>
  readonly status: string
  readonly step: number
  /** Shares of all clients and of the cohort that the canary has, in percent. */
  readonly shares: readonly [number, number]
}

const kill = async ({ instance }: Road): Promise<void> => {
  process.kill(instance.pid, 'SIGKILL')
  assert.equal(await instance.ended, 'SIGKILL')
}

const killed = async ({ instance }: Road): Promise<void> => {
  assert.equal(await instance.ended, 'SIGKILL')
}

/** Nobody answers. */
const resume = ({ instance }: Road): Promise<unknown> =>
  instance.send('POST', '/api/rollouts/users/resume').catch(() => null)

const kills: readonly Kill[] = [
  {
    in: 'verify, with no traffic',
    until: async (road) => {
      await road.until('users', ({ status }) => status === 'running')
      await kill(road)
    },
    status: 'running',
    step: 0,
    shares: [0, 0],
  },
  {
    in: 'weight, before it is published',
    until: async (road, t) => {
      await road.instance.arm('publish.before@2=kill')
      const { stop } = startTraffic(t, road.instance.port)
      await killed(road)
      await stop()
    },
    status: 'paused',
    step: 2,
    shares: [20, 20],
  },
  { in: 'pause, for somebody', until: kill, status: 'paused', step: 2, shares: [20, 20] },
  {
    in: 'cohort, published and not applied',
    until: async (road) => {
      await road.instance.arm('apply.before@2=kill')
      await Promise.all([resume(road), killed(road)])
    },
    status: 'running',
    step: 4,
    shares: [20, 50],
  },
  { in: 'analysis, with no traffic', until: kill, status: 'running', step: 4, shares: [20, 50] },
  {
    in: 'watch',
    until: async (road, t) => {
      const { stop } = startTraffic(t, road.instance.port)
      await road.until('users', ({ status }) => status === 'watching')
      await kill(road)
      await stop()
    },
    status: 'watching',
    step: 5,
    shares: [100, 100],
  },
]

/** Nobody who had the canary lost it, and it has about its share. */
function demandShare(before: readonly number[], now: readonly number[], share: number): void {
  assert.deepEqual(
    before.filter((user) => !now.includes(user)),
    [],
  )
  assert.ok(Math.abs(now.length / 2 - share) <= 8, `${now.length} of 200 for ${share} %`)
}

test('kill -9 in each kind of step: it goes on where it stood, with the weights as published', async (t) => {
  const admin = ['--admin', `127.0.0.1:${await freePort()}`]
  let road = await openRoad(t, { 'users.js': version('1.3.0') }, { words: admin })
  const { data, port } = road.instance
  const file = road.write('users.js', version('2.0.0'))
  const words = ['rollout', 'start', file, '--plan', road.write('plan.yaml', plan)]
  // What it begins with is not waited for, so it has to follow before anything is killed.
  const { admin: url, token } = road.instance
  const following = runCommand(url, [...words, '--follow'], { token, folder: road.beside })
  await following.says('step 1 of 6')
  let all: readonly number[] = []
  let cohort: readonly number[] = []
  for (const { in: place, until, status, step, shares } of kills) {
    await until(road, t)
    const instance = await startInstance(t, road.served, { data, port, words: admin })
    road = roadOf(t, instance, road.served)
    // Before a weight is published nothing is to be waited for.
    const stands = await road.until('users', (one) => one.step === step && one.status === status)
    assert.equal(stands.weight, shares[0], place)
    const [nowAll, nowCohort] = [
      await usersOf(port, '2.0.0'),
      await usersOf(port, '2.0.0', { tier: 'high' }),
    ]
    demandShare(all, nowAll, shares[0])
    demandShare(cohort, nowCohort, shares[1])
    ;[all, cohort] = [nowAll, nowCohort]
  }
  assert.equal(await following.code, 0, following.out() + following.err())
  assert.equal((await usersOf(port, '2.0.0')).length, 200)
  assert.deepEqual(
    (await road.steps()).map((reason) => reason.replace(/\d+ of \d+/, 'N')),
    [
      'running: N comparisons differ',
      'running: weight 20',
      'paused: it waits until somebody resumes, promotes or aborts it',
      'running: weight 50 of a cohort',
      'running: 2 judgements in a row passed',
      'watching: all steps are done',
      'promoted: it kept to its conditions while it was watched',
    ],
    'each step is one revision, whatever was killed',
  )
  const { body } = await road.instance.send('GET', '/api/rollouts/users/measurements')
  const measured = (body.items as readonly { step: number }[]).map((one) => one.step)
  assert.ok(measured.includes(4) && measured.includes(5), 'those of earlier processes are kept')
})
