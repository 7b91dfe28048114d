import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeFolder, save, type ServedEvent } from '../hot/support/served.ts'
import { openRoad, version } from './support/rollout.ts'
import { startTraffic, versionOf } from './support/traffic.ts'

/** Takes so long, a tenth more or less. */
const takes = (ms: number): string =>
  `(await sleep(${ms} * (0.9 + 0.2 * Math.random())), c.json({ users: [7] }))`

test('a saved file by which all times are half as long again is taken back; one that changes nothing passes', async (t) => {
  const config = { 'turnout.config.json': JSON.stringify({ probation: { durationMs: 20_000 } }) }
  const words = ['--config', join(makeFolder(t, config), 'turnout.config.json')]
  const files = { 'users.js': version('1.0.0', takes(50)) }
  const { instance, served } = await openRoad(t, files, { words })
  const { port, next } = instance
  const traffic = startTraffic(t, port, { clients: 24 })
  await traffic.more(1_000)
  const probation = ({ event }: ServedEvent): boolean => event === 'probation'

  const breached = next(probation)
  save(served, 'users.js', version('1.1.0', takes(75)))
  const { state, reason, takenBackBy } = await breached
  assert.equal(state, 'breached')
  assert.match(String(reason), /^p95 is [\d.]+ms, not <= [\d.]+ms \(stable [\d.]+ms\); chance/)
  assert.equal(typeof takenBackBy, 'number')
  assert.equal((await versionOf(port, '/users')).version, '1.0.0')

  const passed = next(probation)
  save(served, 'users.js', version('1.2.0', takes(50)))
  const verdict = await passed
  assert.deepEqual([verdict['state'], verdict['takenBackBy']], ['passed', null])
  assert.equal((await versionOf(port, '/users')).version, '1.2.0')
  assert.deepEqual([...traffic.answers.keys()].sort(), ['200 1.0.0', '200 1.1.0', '200 1.2.0'])
})
