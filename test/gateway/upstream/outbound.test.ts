import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldValue } from '../../../src/core/http/fields.ts'
import { beginOutbound } from '../../../src/gateway/upstream/outbound.ts'
import { openExchange } from '../filters/support.ts'

for (const [underscores, wanted] of [
  ['drop', undefined],
  ['keep', 'gold'],
] as const) {
  test(`a field with "_" in its name, and underscores: ${underscores}`, () => {
    const { exchange } = openExchange({ headers: ['x_plan', 'gold', 'x-note', 'a'] })
    const outbound = beginOutbound(exchange, { trusted: [], underscores })
    assert.ok('headers' in outbound)
    assert.equal(fieldValue(outbound.headers, 'x_plan'), wanted)
    assert.equal(fieldValue(outbound.headers, 'x-note'), 'a')
  })
}
