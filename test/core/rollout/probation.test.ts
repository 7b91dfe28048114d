import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucketOf } from '../../../src/core/rollout/buckets.ts'
import { noFigures, type Figures } from '../../../src/core/rollout/figures.ts'
import {
  defaultProbation,
  lookAtProbation,
  type ProbationLook,
} from '../../../src/core/rollout/probation.ts'

const figures = (requests: number, errors: number, ms = 10): Figures => ({
  requests,
  errors,
  clientErrors: 0,
  durations: requests === 0 ? [] : [bucketOf(ms), requests],
})
const before = figures(1000, 5)
const slow = figures(1000, 5, 20)

const table: readonly (readonly [
  string,
  { readonly before?: Figures; readonly since: Figures; readonly settled?: Figures },
  number,
  ProbationLook['state'],
])[] = [
  ['nothing seen yet', { since: noFigures }, 0, 'watching'],
  ['as before', { since: figures(1000, 5) }, 59_999, 'watching'],
  ['as before, to the end', { since: figures(1000, 5) }, 60_000, 'passed'],
  ['errors', { since: figures(100, 50) }, 100, 'breached'],
  ['errors at the very end', { since: figures(100, 50) }, 60_000, 'breached'],
  ['errors as before', { before: figures(1000, 500), since: figures(100, 50) }, 100, 'watching'],
  ['few errors', { since: figures(1000, 10) }, 100, 'watching'],
  ['too few exchanges, all bad', { since: figures(49, 49) }, 60_000, 'passed'],
  ['nothing to compare with', { before: noFigures, since: figures(100, 100) }, 60_000, 'passed'],
  ['slow at first', { since: slow, settled: figures(900, 5) }, 20_000, 'watching'],
  ['slow at first, too few after', { since: slow, settled: figures(9, 0, 20) }, 5500, 'watching'],
  ['slow, and not only at first', { since: slow }, 20_000, 'breached'],
  ['faster', { since: figures(1000, 0, 5) }, 60_000, 'passed'],
]

for (const [name, seen, now, state] of table) {
  test(`${name}, after ${now} ms: ${state}`, () => {
    const given = { before, settled: seen.since, ...seen }
    const found = lookAtProbation(defaultProbation(), 1_000_000, 1_000_000 + now, given)
    assert.equal(found.state, state, JSON.stringify(found.judgements))
    assert.equal(found.reason !== '', state === 'breached')
    assert.equal(found.judgements.length, 2)
  })
}

test('a breach says what it saw', () => {
  const since = figures(100, 50)
  const seen = { before, since, settled: since }
  assert.match(
    lookAtProbation(defaultProbation(), 0, 100, seen).reason,
    /^errorRate is 50%, not <= 1\.5% \(stable 0\.5%\); chance does so/,
  )
})
