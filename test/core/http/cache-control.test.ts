import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cacheDirectives, isNoneMatch } from '../../../src/core/http/cache-control.ts'

test('directives are read as they are written', () => {
  const rows: readonly (readonly [string | undefined, object])[] = [
    [undefined, {}],
    ['', {}],
    ['Max-Age=5, private', { 'max-age': '5', private: '' }],
    ['private="a, no-store", max-age="7"', { private: 'a, no-store', 'max-age': '7' }],
    ['max-age=1, max-age=2', { 'max-age': '1' }],
    [' , ,no-store ;x', { 'no-store': '', x: '' }],
    ['__proto__=1', JSON.parse('{"__proto__":"1"}')],
  ]
  for (const [field, wanted] of rows)
    assert.deepEqual(Object.fromEntries(cacheDirectives(field)), wanted, field)
  assert.ok(
    isNoneMatch('*', '"a"') && isNoneMatch('"b", W/"a"', '"a"') && !isNoneMatch('*', undefined),
  )
})
