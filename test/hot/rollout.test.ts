import assert from 'node:assert/strict'
import { Agent, get } from 'node:http'
import { test, type TestContext } from 'node:test'
import type { RolloutView } from '../../src/control/rollouts.ts'
import { readPlan } from '../../src/core/rollout/plan-parse.ts'
import type { Plan } from '../../src/core/rollout/plan.ts'
import type { ProbationVerdict } from '../../src/control/rollout/probations.ts'
import type { Turnout } from '../../src/turnout.ts'
import { applied, openEmbedded } from './support/embedded.ts'
import { ask as askAt, makeFolder } from './support/served.ts'

const who = { author: 'test', reason: 'test' }

/** A version of the module `users`. */
const version = (
  text: string,
  handler = `c.json({ version: '${text}', users: [7] })`,
): string => `let asked = 0
export default {
  version: '${text}',
  register(routes) {
    routes.get('/users', (c) => { asked += 1; return ${handler} })
  },
}
`

const failsHalf = `asked % 2 === 0 ? c.status(500).text('failed') : c.json({ version: '2.0.0', users: [7] })`

const planOf = (value: unknown): Plan => {
  const problems: never[] = []
  const key = { kind: 'header', name: 'x-user' }
  const plan = readPlan({ value: { key, ...(value as object) }, pointer: '', problems })
  assert.deepEqual(problems, [])
  return plan!
}

const versionIn = (text: string): string => /"version":"([^"]+)"/.exec(text)?.[1] ?? text

/** Analysis that needs little time. */
const analysis = { minimumSamples: 20, window: '5s', interval: '1s' }

interface Load {
  readonly answers: Map<string, number>
  readonly stop: () => Promise<void>
}

/** Clients that ask as fast as they are answered. */
function load(t: TestContext, port: number, clients = 8): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const answers = new Map<string, number>()
  const ending = new AbortController()
  let asked = 0
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      asked += 1
      const headers = { 'x-user': String(asked % 100) }
      const request = get(
        { host: '127.0.0.1', port, path: '/users', headers, agent },
        (response) => {
          let text = ''
          response.on('data', (part: Buffer) => (text += part.toString()))
          response.on('end', () => {
            const key = `${response.statusCode} ${versionIn(text)}`
            answers.set(key, (answers.get(key) ?? 0) + 1)
            resolve()
          })
          response.on('error', (error) => (ending.signal.aborted ? resolve() : reject(error)))
        },
      )
      request.on('error', (error) => (ending.signal.aborted ? resolve() : reject(error)))
    })
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) await one()
  }
  const all = Promise.all(Array.from({ length: clients }, run))
  const stop = async (): Promise<void> => {
    ending.abort()
    await all
    agent.destroy()
  }
  t.after(stop)
  return { answers, stop }
}

/** Resolves when so many were answered. */
async function answered(answers: ReadonlyMap<string, number>, count: number): Promise<void> {
  const sum = (): number => [...answers.values()].reduce((all, one) => all + one, 0)
  while (sum() < count) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** The next view that is meant. */
function viewed(turnout: Turnout, isMeant: (view: RolloutView) => boolean): Promise<RolloutView> {
  return new Promise((resolve) => {
    const end = turnout.on('rollout', (view) => {
      if (!isMeant(view)) return
      end()
      resolve(view)
    })
  })
}

const isStatus =
  (status: string) =>
  ({ rollout }: RolloutView): boolean =>
    rollout.status === status

async function openVersions(t: TestContext, canary: string) {
  const folder = makeFolder(t, { 'users/1.3.0.js': version('1.3.0') })
  const embedded = await openEmbedded(t, folder)
  await embedded.saved({ 'users/2.0.0.js': canary }, applied('users@2.0.0'))
  return embedded
}

test('a rollout walks its steps, is watched, and ends with the canary in service', async (t) => {
  const { turnout, port, ask } = await openVersions(t, version('2.0.0'))
  const { answers, stop } = load(t, port)
  const plan = planOf({
    steps: [
      { verify: { percent: 100, samples: 20, ignore: ['/version'] } },
      { weight: 20 },
      { analysis: { ...analysis, count: 2 } },
      { weight: 60 },
      { pause: '1s' },
      { watch: '1s' },
    ],
    analysis,
  })
  const done = viewed(turnout, isStatus('promoted'))
  const { rollout } = await turnout.rollouts.start(
    { kind: 'module', module: 'users', version: '2.0.0' },
    plan,
    who,
  )
  assert.equal(rollout.status, 'running')
  const view = await done
  assert.ok((view.verify?.compared ?? 0) >= 20)
  assert.equal(versionIn(await ask('/users')), '2.0.0')
  const older = await askAt(port, '/users', { 'x-api-version': '^1' })
  assert.equal(versionIn(older.text), '1.3.0')
  await stop()
  assert.deepEqual([...answers.keys()].sort(), ['200 1.3.0', '200 2.0.0'])
  const steps = turnout.revisions.filter(({ author }) => author === 'rollout:users')
  assert.deepEqual(
    steps.map(({ reason }) => reason.split(':')[0]),
    ['running', 'running', 'running', 'running', 'running', 'watching', 'promoted'],
  )
  const [newest] = turnout.rollouts.measurements('users')
  assert.ok(newest !== undefined && newest.canary.requests > 0)
})

test('a version that fails half of its requests is taken back at once', async (t) => {
  const { turnout, port, ask } = await openVersions(t, version('2.0.0', failsHalf))
  const { answers, stop } = load(t, port)
  await answered(answers, 200)
  const plan = planOf({
    steps: [{ weight: 50 }, { analysis: { ...analysis, count: 3 } }],
    analysis,
  })
  const over = viewed(turnout, isStatus('aborted'))
  await turnout.rollouts.start({ kind: 'module', module: 'users', version: '2.0.0' }, plan, who)
  const { rollout } = await over
  assert.match(rollout.reason, /errorRate/)
  assert.equal(versionIn(await ask('/users')), '1.3.0')
  const failed = answers.get('500 failed') ?? 0
  assert.ok(failed > 0)
  await stop()
  assert.equal(answers.get('500 failed'), failed, 'nobody meets it any more')
})

test('a plain change that fails is taken back by itself, and says with which figures', async (t) => {
  const folder = makeFolder(t, { 'users.js': version('1.0.0') })
  const embedded = await openEmbedded(t, folder, { probation: true })
  const { turnout, port, ask, saved } = embedded
  const { answers, stop } = load(t, port)
  const told = new Promise<ProbationVerdict>((resolve) => turnout.on('probation', resolve))
  await answered(answers, 200)
  await saved({ 'users.js': version('1.1.0', failsHalf) }, applied('users', '1.1.0'))
  const verdict = await told
  assert.equal(verdict.state, 'breached')
  assert.match(verdict.reason, /errorRate/)
  assert.equal(verdict.takenBackBy, turnout.revision)
  assert.equal(versionIn(await ask('/users')), '1.0.0')
  await stop()
})
