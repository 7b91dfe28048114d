import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAnswers } from '../../src/admin/idempotency.ts'
import { failpoints } from '../../src/core/failpoint.ts'
import { open, target } from './support/open.ts'

const key = { 'idempotency-key': 'abc' }
const route = { id: 'a', path: '/a', target }

test('the same request with the same key is done once and answered the same', async (t) => {
  const { send, publisher } = await open(t)
  const first = await send('POST', '/api/routes', { body: route, headers: key })
  const second = await send('POST', '/api/routes', { body: route, headers: key })
  assert.equal(first.status, 201)
  assert.equal(second.status, 201)
  assert.equal(second.text, first.text)
  assert.equal(second.headers.location, first.headers.location)
  assert.equal(second.headers.etag, first.headers.etag)
  assert.equal(second.headers['idempotency-replayed'], 'true')
  assert.equal(publisher.current.revision.number, 1)
})

test('a refusal is answered the same, too', async (t) => {
  const { send } = await open(t)
  await send('POST', '/api/routes', { body: route })
  const first = await send('POST', '/api/routes', { body: route, headers: key })
  await send('DELETE', '/api/routes/a?force=true')
  const second = await send('POST', '/api/routes', { body: route, headers: key })
  assert.equal(first.status, 409)
  assert.equal(second.text, first.text)
})

test('another body with the same key is 422, the same key of another token is another', async (t) => {
  const { send, token } = await open(t)
  await send('POST', '/api/routes', { body: route, headers: key })
  const body = { ...route, path: '/b', target }
  const other = await send('POST', '/api/routes', { body, headers: key })
  assert.equal(other.status, 422)
  assert.equal(other.body.code, 'TURNOUT_KEY_REUSED')
  const elsewhere = await send('PUT', '/api/routes/a?force=true', { body: route, headers: key })
  assert.equal(elsewhere.status, 422)
  const second = await token('second', 'write:admin')
  const theirs = await send('POST', '/api/routes', {
    body: { id: 'b', path: '/b', target },
    headers: key,
    token: second,
  })
  assert.equal(theirs.status, 201)
})

test('while the first is running the same key is 409', async (t) => {
  const { send } = await open(t)
  let go: () => void = () => undefined
  const running = new Promise<void>((reached) => {
    failpoints.reach = (name) => {
      if (name !== 'audit.intent') return undefined
      reached()
      return new Promise((resolve) => (go = resolve))
    }
  })
  t.after(() => (failpoints.reach = null))
  const first = send('POST', '/api/routes', { body: route, headers: key })
  await running
  const second = await send('POST', '/api/routes', { body: route, headers: key })
  go()
  assert.equal(second.status, 409)
  assert.equal(second.body.code, 'TURNOUT_KEY_RUNNING')
  assert.equal((await first).status, 201)
})

test('a token is not made with a key: its secret would be kept', async (t) => {
  const { send } = await open(t)
  const body = { name: 'a', scopes: ['read'] }
  assert.equal((await send('POST', '/api/tokens', { body, headers: key })).status, 400)
})

test('answers are kept for a day, and no more than 10,000 of them', () => {
  const answers = createAnswers()
  const answer = { status: 200, headers: {}, text: '{}' }
  const first = { at: 0, key: 'k0' }
  for (let at = 0; at <= 10_000; at += 1) {
    assert.equal(answers.begin('t', `k${at}`, 'd', 0), null)
    answers.keep('t', `k${at}`, answer)
  }
  assert.equal(answers.begin('t', first.key, 'd', 0), null, 'the oldest was forgotten')
  assert.deepEqual(answers.begin('t', 'k9999', 'd', 24 * 3_600_000 - 1), answer)
  assert.equal(answers.begin('t', 'k9999', 'd', 24 * 3_600_000), null)
})

test('large answers are forgotten before small ones are many', () => {
  const answers = createAnswers()
  const text = 'x'.repeat(8 * 1024 * 1024)
  for (let at = 0; at < 6; at += 1) {
    answers.begin('t', `k${at}`, 'd', 0)
    answers.keep('t', `k${at}`, { status: 200, headers: {}, text })
  }
  assert.equal(answers.begin('t', 'k0', 'd', 0), null)
  assert.ok(answers.begin('t', 'k5', 'd', 0) !== null)
})
