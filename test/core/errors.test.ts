import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TurnoutError, problem } from '../../src/core/errors.ts'

test('an error carries the code, the status and the filled message of its row', () => {
  const error = new TurnoutError('TURNOUT_ROUTE_NOT_FOUND', { method: 'GET', path: '/x' })
  assert.equal(error.code, 'TURNOUT_ROUTE_NOT_FOUND')
  assert.equal(error.status, 404)
  assert.equal(error.message, 'No route for GET /x')
})

test('a problem carries its place', () => {
  const place = { file: 'users.ts', line: 2, column: 5 }
  const found = problem('TURNOUT_PATH_INVALID', { reason: 'NUL' }, { place })
  assert.deepEqual(found.place, place)
  assert.match(found.message, /NUL/)
})
