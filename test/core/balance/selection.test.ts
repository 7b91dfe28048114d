import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import semver from 'semver'
import { slowStartWeight } from '../../../src/core/balance/slow-start.ts'
import { compileSubset } from '../../../src/core/balance/subset.ts'
import { type Labels, defaultSlowStart } from '../../../src/core/route/upstream.ts'
import { compileVersions } from '../../../src/core/version/version.ts'

// Envoy: load balancing, slow start mode; the table is of its formula.
for (const [passed, aggression, least, expected] of [
  [0, 1, 0, 100 / 60],
  [1000, 1, 0, 100 / 60],
  [0, 1, 10, 10],
  [30_000, 1, 10, 50],
  [15_000, 2, 10, 50],
  [30_000, 0.5, 10, 25],
  [59_999, 1, 10, 59_999 / 600],
  [60_000, 1, 10, 100],
  [1e9, 1, 10, 100],
  [-5000, 1, 10, 10],
] as const) {
  test(`${passed} ms into a slow start of a minute, aggression ${aggression}, at least ${least} percent: ${expected}`, () => {
    const settings = { windowMs: 60_000, aggression, minWeightPercent: least }
    const weight = slowStartWeight(100, settings, 7000, 7000 + passed)
    assert.ok(Math.abs(weight - expected) < 1e-9, String(weight))
  })
}

test('without a slow start, or a start, the weight is the whole', () => {
  assert.equal(slowStartWeight(3, null, 0, 0), 3)
  assert.equal(slowStartWeight(3, defaultSlowStart, null, 0), 3)
})

test('a slow start only grows', () => {
  fc.assert(
    fc.property(
      fc.record({
        windowMs: fc.integer({ min: 1, max: 100_000 }),
        aggression: fc.constantFrom(0.5, 1, 3),
        minWeightPercent: fc.nat({ max: 100 }),
      }),
      fc.nat({ max: 120_000 }),
      fc.nat({ max: 120_000 }),
      (settings, one, two) => {
        const [early, late] = [Math.min(one, two), Math.max(one, two)]
        const before = slowStartWeight(8, settings, 0, early)
        const after = slowStartWeight(8, settings, 0, late)
        assert.ok(before <= after && after <= 8 && before > 0)
      },
    ),
  )
})

const subsets: readonly (readonly [Labels, Labels | undefined, boolean])[] = [
  [{}, undefined, true],
  [{}, { canary: 'true' }, true],
  [{ canary: 'true' }, undefined, false],
  [{ canary: 'true' }, {}, false],
  [{ canary: 'true' }, { canary: 'true', zone: 'b' }, true],
  [{ canary: 'true' }, { canary: 'TRUE' }, false],
  [{ canary: 'true', zone: 'a' }, { canary: 'true', zone: 'b' }, false],
  [{ zone: '1.x' }, { zone: '1.3.0' }, false],
  [{ version: 'v1.3.*' }, { version: 'v1.3.2' }, true],
  [{ version: 'v1.3.*' }, { version: '1.3.0' }, true],
  [{ version: 'v1.3.*' }, { version: '1.4.0' }, false],
  [{ version: '1.x' }, { version: '1.99.3' }, true],
  [{ version: '>=1.2 <2' }, { version: '1.2.0' }, true],
  [{ version: '>=1.2 <2' }, { version: '2.0.0' }, false],
  [{ version: '1.x' }, { version: '1.3.0-beta' }, false],
  [{ version: '1.2.0' }, { version: 'v1.2.0' }, true],
  [{ version: '1.x' }, { version: '1.3' }, false],
  [{ version: '1.3' }, { version: '1.3' }, true],
  [{ version: 'stable' }, { version: 'stable' }, true],
  [{ version: 'stable' }, { version: '1.0.0' }, false],
  [{ version: '*' }, { version: '1.0.0' }, true],
  [{ version: '*' }, {}, false],
  [{ version: '' }, { version: '1.0.0' }, false],
  [{ toString: 'a' }, {}, false],
]
for (const [subset, labels, expected] of subsets) {
  test(`${JSON.stringify(labels)} is ${expected ? '' : 'not '}in ${JSON.stringify(subset)}`, () => {
    assert.equal(compileSubset(subset)(labels), expected)
  })
}

test('a compiled request selects what semver itself selects; one of blanks, or too long, nothing', () => {
  const text = fc.oneof(
    fc.constantFrom('1.x', 'v1.3.*', '^2', '>=1 <3', '', 'latest', '1.2.0-beta.1', '9'.repeat(300)),
    fc.string(),
  )
  const version = fc.oneof(
    fc.constantFrom('1.0.0', '1.3.9', 'v2.1.0', '1.2.0-beta.1', '1.2'),
    fc.string(),
  )
  fc.assert(
    fc.property(text, version, (requested, version) => {
      const selects = compileVersions(requested)
      const isAsked = requested.length <= 256 && requested.trim() !== ''
      const expected = isAsked && semver.satisfies(version, requested)
      assert.equal(selects?.(version) ?? false, expected)
    }),
    { numRuns: 2000 },
  )
})
