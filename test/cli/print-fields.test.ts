import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changedFields } from '../../src/cli/instance/print-fields.ts'

const cases: readonly (readonly [object, object, string])[] = [
  [{ order: 1, revision: 1 }, { order: 1, revision: 2 }, ''],
  [{ order: 1 }, { order: 2 }, 'order 1 → 2'],
  [{}, { enabled: false }, 'enabled none → false'],
  [
    { breaker: { slidingWindowSize: 10, initialState: 'OPEN' } },
    { breaker: { slidingWindowSize: 20, initialState: 'OPEN' } },
    'breaker.slidingWindowSize 10 → 20',
  ],
  [{ outlier: false }, { outlier: {} }, 'outlier false → {}'],
  [
    { filters: [{ kind: 'preserve-host' }, { kind: 'strip-prefix' }] },
    { filters: [{ kind: 'strip-prefix' }, { kind: 'strip-prefix', parts: 2 }] },
    'filters -{"kind":"preserve-host"} +{"kind":"strip-prefix","parts":2}',
  ],
  [
    { methods: ['GET', 'PUT'] },
    { methods: ['PUT', 'GET'] },
    'methods ["GET","PUT"] → ["PUT","GET"]',
  ],
]
for (const [before, after, expected] of cases) {
  test(`a change is told as ${expected === '' ? 'nothing' : expected}`, () => {
    assert.equal(changedFields({ ...before }, { ...after }), expected)
  })
}
