import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurnout, type ConflictPolicy } from '../../src/turnout.ts'

const add = (conflicts: ConflictPolicy | undefined): string => {
  const turnout = createTurnout({
    logger: false,
    ...(conflicts === undefined ? {} : { conflicts }),
  })
  turnout.get('/a/:x(\\d+)', (c) => c.text('digits'))
  try {
    turnout.get('/a/:y(\\w+)', (c) => c.text('word')).get('/a', (c) => c.text('above'))
    return `revision ${turnout.revision}`
  } catch (error) {
    return `${(error as { code: string }).code} at revision ${turnout.revision}`
  }
}

for (const [policy, expected] of [
  [undefined, 'TURNOUT_ROUTE_AMBIGUOUS at revision 1'],
  ['ambiguous', 'TURNOUT_ROUTE_AMBIGUOUS at revision 1'],
  ['prefix', 'TURNOUT_ROUTE_AMBIGUOUS at revision 1'],
  ['exact', 'revision 3'],
] as const) {
  test(`routes that overlap, conflicts ${policy ?? 'by default'}: ${expected}`, () => {
    assert.equal(add(policy), expected)
  })
}

test('a change that adds two routes of which one is below the other is refused as a whole under prefix-within', async () => {
  const turnout = createTurnout({ logger: false, conflicts: 'prefix-within' })
  await assert.rejects(
    turnout.update((change) => {
      change.get('/a', (c) => c.text('a')).get('/a/b', (c) => c.text('b'))
    }),
    { code: 'TURNOUT_ROUTE_PREFIX' },
  )
  assert.equal(turnout.revision, 0)
})
