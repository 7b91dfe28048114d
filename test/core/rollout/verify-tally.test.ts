import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Comparison } from '../../../src/core/rollout/compare.ts'
import {
  addCounts,
  maxTallyPlaces,
  noCounts,
  reportOf,
  VerifyTally,
} from '../../../src/core/rollout/verify-tally.ts'
import { seeded } from './seeded.ts'

/** `canary`: places where the canary differs; `noise`: where the second run does. */
const comparison = (canary: readonly string[], noise: readonly string[] = []): Comparison => ({
  differences: canary.map((place) => ({ place, stable: 'a', canary: 'b' })),
  noise: new Set(noise),
})

test('differences are counted by comparison and by place, the most frequent place first', () => {
  const tally = new VerifyTally()
  tally.add('GET /a', comparison([]))
  tally.add('GET /b', comparison(['status', 'body /x']))
  tally.add('GET /c', comparison(['body /x']))
  tally.addFailed()
  const of = { noise: 0, request: 'GET /b', stable: 'a', canary: 'b' }
  assert.deepEqual(reportOf(tally.counts()), {
    compared: 3,
    different: 2,
    differences: [
      { place: 'body /x', count: 2, ...of },
      { place: 'status', count: 1, ...of },
    ],
    failed: 1,
  })
})

test('a time stamp, a random id and a coin are no differences', () => {
  const random = seeded(1)
  const tally = new VerifyTally()
  for (let run = 0; run < 500; run += 1) {
    const coins = ['body /coin', 'body /other'].map((place) => {
      const [stable, again, canary] = [random() < 0.5, random() < 0.5, random() < 0.5]
      return { place, canary: canary !== stable, again: again !== stable }
    })
    const always = ['body /at', 'header x-id']
    const differing = coins.filter((coin) => coin.canary).map(({ place }) => place)
    const noise = coins.filter((coin) => coin.again).map(({ place }) => place)
    tally.add('GET /', comparison([...always, ...differing], [...always, ...noise]))
  }
  const { different, differences } = reportOf(tally.counts())
  assert.deepEqual([different, differences], [0, []])
})

test('a place that is noisy counts when the canary differs there far more often', () => {
  const tally = new VerifyTally()
  for (let run = 0; run < 100; run += 1)
    tally.add('GET /', comparison(['body /total'], run % 10 === 0 ? ['body /total'] : []))
  const { different, differences } = reportOf(tally.counts())
  assert.deepEqual([different, differences[0]?.count, differences[0]?.noise], [90, 90, 10])
})

test('tallies of several processes add up to one', () => {
  const random = seeded(2)
  const [one, other, all] = [new VerifyTally(), new VerifyTally(), new VerifyTally()]
  for (let run = 0; run < 200; run += 1) {
    const places = ['status', 'body', 'body /a', 'body /b'].filter(() => random() < 0.2)
    const noise = ['body /a'].filter(() => random() < 0.1)
    const seen = comparison(places, noise)
    for (const tally of [random() < 0.5 ? one : other, all]) tally.add('GET /', seen)
  }
  const sum = JSON.parse(JSON.stringify(addCounts([one.counts(), other.counts()]))) as never
  assert.deepEqual(reportOf(sum), reportOf(all.counts()))
  assert.deepEqual(addCounts([]), noCounts)
})

test('places and sets of places are bounded, and every comparison still counts', () => {
  const tally = new VerifyTally()
  for (let run = 0; run < 5000; run += 1) {
    tally.add('GET /', comparison([`body /${run}`, `body /${run % 97}`, `body /${run % 89}`]))
  }
  const counts = tally.counts()
  assert.equal(counts.places.length, maxTallyPlaces)
  assert.ok(counts.groups.length <= 1024 + maxTallyPlaces)
  const report = reportOf(counts)
  assert.deepEqual([report.different, report.differences.length], [5000, 50])
})
