import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { editDistance, suggest } from '../../src/core/suggest.ts'

/** The definition itself, by recursion. */
const naive = (a: string, b: string): number => {
  if (a === '' || b === '') return a.length + b.length
  const options = [
    naive(a.slice(1), b) + 1,
    naive(a, b.slice(1)) + 1,
    naive(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1),
  ]
  if (a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0])
    options.push(naive(a.slice(2), b.slice(2)) + 1)
  return Math.min(...options)
}

test('the distance is that of its definition', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })
  fc.assert(
    fc.property(word, word, (a, b) => {
      assert.equal(editDistance(a, b), naive(a, b))
    }),
  )
})

const commands = ['init', 'dev', 'serve', 'routes', 'check', 'probe']
const cases: readonly (readonly [string, string | undefined])[] = [
  ['rotes', 'routes'],
  ['sevre', 'serve'],
  ['ROUTES', 'routes'],
  ['chekc', 'check'],
  ['dve', 'dev'],
  ['x', undefined],
  ['de', 'dev'],
  ['', undefined],
  ['rollout', undefined],
  ['a'.repeat(100_000), undefined],
]
for (const [word, expected] of cases)
  test(`"${word.slice(0, 20)}" suggests ${expected ?? 'nothing'}`, () => {
    assert.equal(suggest(word, commands), expected)
  })
