import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseEncoding } from '../../../src/core/http/accept-encoding.ts'

const chosen: readonly (readonly [string | undefined, string | null])[] = [
  [undefined, null],
  ['', null],
  ['gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['x-gzip', 'gzip'],
  ['br', 'br'],
  ['gzip, br', 'br'],
  ['gzip;q=1, br;q=0.9', 'gzip'],
  ['gzip ; q=0.5 , br;q=0.4', 'gzip'],
  ['br;q=0, gzip;q=0', null],
  ['br;q=0, *', 'gzip'],
  ['*', 'br'],
  ['*;q=0', null],
  ['identity', null],
  ['identity;q=0.5, gzip;q=0.4', null],
  ['identity;q=0.5, gzip;q=0.5', 'gzip'],
  ['gzip;q=2', null],
  ['gzip;q=0.0001', null],
  ['gzip;q=', null],
  ['gzip;level=9', null],
  ['deflate, zstd', null],
  ['gzipped', null],
  ['gzip;q=0, gzip', null],
]

test('of the codings that are offered, the one that the client likes best', () => {
  for (const [field, coding] of chosen)
    assert.equal(chooseEncoding(field, ['br', 'gzip']), coding, field)
})
