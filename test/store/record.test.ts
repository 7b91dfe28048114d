import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Json } from '../../src/core/json.ts'
import { origin } from '../../src/store/position.ts'
import { recordAfter, shallowRecordAfter } from '../../src/store/record.ts'
import { recordEntry } from '../../src/store/segment.ts'

const mark = ',"put":['
const metas = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<Json>(
    { a: 1, put: ['x'] },
    { text: mark },
    { a: { b: 1, put: [], remove: [] } },
    [{ a: 1, put: [1] }],
    null,
  ),
)
const objects = fc.array(fc.record({ key: fc.string(), value: fc.jsonValue() }), { maxLength: 4 })

test('a record whose objects are read later says what it says when it is read whole', () => {
  fc.assert(
    fc.property(metas, objects, fc.array(fc.string()), (meta, put, remove) => {
      const body = JSON.stringify({ meta, put, remove }).slice(1, -1)
      const text = Buffer.from(recordEntry(1, 1, 1, body))
      const whole = recordAfter(origin, JSON.parse(text.toString()) as Json)
      assert.notEqual(whole, null)
      const shallow = shallowRecordAfter(origin, text) ?? whole
      assert.deepEqual({ ...shallow }, whole)
    }),
  )
})

const notRecords: Record<string, string> = {
  'another cursor': recordEntry(2, 1, 1, '"meta":null,"put":[],"remove":[]'),
  'another number': recordEntry(1, 7, 1, '"meta":null,"put":[],"remove":[]'),
  'no meta': recordEntry(1, 1, 1, '"put":[],"remove":[]'),
  'no objects': recordEntry(1, 1, 1, '"meta":null,"remove":[]'),
}
for (const [name, text] of Object.entries(notRecords)) {
  test(`${name}: no record, neither way`, () => {
    assert.equal(shallowRecordAfter(origin, Buffer.from(text)), null)
    assert.equal(recordAfter(origin, JSON.parse(text) as Json), null)
  })
}

test('objects that are none are told when they are asked for', () => {
  const text = recordEntry(1, 1, 1, '"meta":null,"put":[7],"remove":[]')
  const record = shallowRecordAfter(origin, Buffer.from(text))
  assert.throws(() => record!.put, /not what it should be/)
})
