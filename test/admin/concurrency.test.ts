import assert from 'node:assert/strict'
import { test } from 'node:test'
import { open, target } from './support/open.ts'

const clients = 6
const increments = 25

test(`${clients} clients that count up with If-Match lose no step`, async (t) => {
  const { send, publisher } = await open(t)
  await send('POST', '/api/routes', {
    body: { id: 'counter', path: '/counter', target, metadata: { count: 0 } },
  })
  let lost = 0
  const client = async (isPatch: boolean): Promise<void> => {
    let done = 0
    while (done < increments) {
      const { body, headers } = await send('GET', '/api/routes/counter')
      const metadata = { count: (body.metadata.count as number) + 1 }
      const answer = await send(isPatch ? 'PATCH' : 'PUT', '/api/routes/counter', {
        headers: { 'if-match': headers.etag! },
        body: isPatch ? { metadata } : { ...body, metadata },
      })
      if (answer.status === 200) done += 1
      else {
        assert.equal(answer.status, 412, answer.text)
        lost += 1
      }
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, at) => client(at % 2 === 0)))
  const { body } = await send('GET', '/api/routes/counter')
  assert.equal(body.metadata.count, clients * increments)
  assert.equal(publisher.current.revision.number, clients * increments + 1)
  assert.ok(lost > 0, 'the clients never met, so nothing was shown')
})

test('of several that add the same route one is told 201 and the others 409', async (t) => {
  const { send } = await open(t)
  const answers = await Promise.all(
    Array.from({ length: 8 }, () =>
      send('POST', '/api/routes', { body: { id: 'a', path: '/a', target } }),
    ),
  )
  const statuses = answers.map(({ status }) => status).sort()
  assert.deepEqual(statuses, [201, 409, 409, 409, 409, 409, 409, 409])
})

test('unrelated items never collide', async (t) => {
  const { send } = await open(t)
  await send('POST', '/api/routes', { body: { id: 'a', path: '/a', target } })
  await send('POST', '/api/routes', { body: { id: 'b', path: '/b', target } })
  const put = { headers: { 'if-match': '"1"' }, body: { path: '/a2', target } }
  assert.equal((await send('PUT', '/api/routes/a', put)).status, 200)
})

test('a token makes so many changes at once, and hears when the next one is let in', async (t) => {
  const { send, token } = await open(t, { limits: { changes: { perSecond: 1, burst: 5 } } })
  const other = await token('other', 'write:admin')
  const post = (at: number, sending = {}) =>
    send('POST', '/api/routes', { body: { id: `r${at}`, path: `/r${at}`, target }, ...sending })
  const answers = await Promise.all(Array.from({ length: 8 }, (_, at) => post(at)))
  const refused = answers.filter(({ status }) => status === 429)
  assert.ok(refused.length >= 2)
  for (const { body, headers } of refused) {
    assert.equal(body.code, 'TURNOUT_RATE_LIMITED')
    assert.match(headers['retry-after'] ?? '', /^[1-9]\d*$/)
  }
  assert.equal((await post(9, { token: other })).status, 201)
  assert.equal((await send('GET', '/api/routes')).status, 200)
})

test('all tokens together make so many changes, and a refusal keeps the connection', async (t) => {
  const { send, token } = await open(t, { limits: { allChanges: { perSecond: 1, burst: 1 } } })
  const other = await token('other', 'write:admin')
  const post = (at: number, sending = {}) =>
    send('POST', '/api/routes', { body: { id: `r${at}`, path: `/r${at}`, target }, ...sending })
  assert.equal((await post(1)).status, 201)
  const { status, body, headers } = await post(2, { token: other })
  assert.equal(status, 429)
  assert.equal(body.code, 'TURNOUT_RATE_LIMITED')
  assert.match(body.detail, /^All tokens together/)
  assert.equal(headers['retry-after'], '1')
  assert.notEqual(headers['connection'], 'close')
})
