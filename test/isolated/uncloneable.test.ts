import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deserialize, serialize } from 'node:v8'
import fc from 'fast-check'
import { uncloneableReason } from '../../src/modules/isolated/uncloneable.ts'

class Own {
  readonly value = 1
}
const round: { self?: unknown } = {}
round.self = round

const copied: Readonly<Record<string, unknown>> = {
  'plain values': { a: 1, b: 'text', c: null, d: undefined, e: [1, [2]], f: 1n },
  'an object without a prototype': Object.assign(Object.create(null) as object, { a: 1 }),
  'maps and sets': { map: new Map([['a', { b: 1 }]]), set: new Set([1, [2]]) },
  dates: { at: new Date(0), like: /a/g },
  bytes: { bytes: new Uint8Array([1, 2]), buffer: new ArrayBuffer(4), own: Buffer.from('a') },
  'itself inside': round,
}

for (const [name, value] of Object.entries(copied)) {
  test(`${name} can be copied`, () => {
    assert.equal(uncloneableReason(value), null)
    serialize(value)
  })
}

const refused: Readonly<Record<string, readonly [value: unknown, reason: string]>> = {
  'a function': [{ a: { run: () => 1 } }, 'a.run is a function'],
  'a symbol': [[1, Symbol('a')], '1 is a symbol'],
  'an instance of a class': [{ all: [new Own()] }, 'all.0 is an instance of Own'],
  'an instance in a map': [new Map([['key', new Own()]]), 'key is an instance of Own'],
  'an instance as a key': [new Map([[new Own(), 1]]), 'a key is an instance of Own'],
  'an error': [{ last: new Error('x') }, 'last is an instance of Error'],
  'a promise': [{ soon: Promise.resolve() }, 'soon is an instance of Promise'],
  'a proxy': [{ from: new Proxy({}, {}) }, 'from is a proxy'],
  'shared memory': [{ all: new SharedArrayBuffer(1) }, 'all is an instance of SharedArrayBuffer'],
  'a getter that throws': [
    {
      get bad(): never {
        throw new Error('not now')
      },
    },
    'it cannot be read: not now',
  ],
}

for (const [name, [value, reason]] of Object.entries(refused)) {
  test(`${name} cannot`, () => assert.equal(uncloneableReason(value), reason))
}

// Without invalid dates: as keys or in sets, `deepEqual` finds none of them equal to another.
const scalars = [
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.string(),
  fc.constantFrom(null, undefined),
  fc.date({ noInvalidDate: true }),
]

test('what can be copied arrives as it was', () => {
  const values = fc.anything({
    values: scalars,
    withBigInt: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
  })
  fc.assert(
    fc.property(values, (value) => {
      if (uncloneableReason(value) !== null) return
      assert.deepEqual(deserialize(serialize(value)), value)
    }),
  )
})

test('an invalid date arrives invalid', () => {
  const sent = new Map([[new Date(Number.NaN), 1]])
  assert.equal(uncloneableReason(sent), null)
  const [date] = (deserialize(serialize(sent)) as typeof sent).keys()
  assert.ok(date instanceof Date)
  assert.ok(Number.isNaN(date.getTime()))
})
