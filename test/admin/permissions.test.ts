import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Identity } from '../../src/admin/identity.ts'
import { operations } from '../../src/admin/operations.ts'
import { resources } from '../../src/admin/resources.ts'
import { otherScopes, samples, type Sample } from './support/matrix.ts'
import { open, type Opened, type Received, type Sending, target } from './support/open.ts'

const route = { id: 'there', path: '/there', target }
const upstream = { name: 'there', endpoints: [{ url: 'http://127.0.0.1:9' }] }

const fill = async ({ send }: Opened): Promise<void> => {
  assert.equal((await send('POST', '/api/routes', { body: route })).status, 201)
  assert.equal((await send('POST', '/api/upstreams', { body: upstream })).status, 201)
}

/** A way in that must be shut, and the statuses that say so. */
interface Case {
  readonly name: string
  readonly statuses: readonly number[]
  /** Null: the case says nothing of this operation. */
  readonly change: (sample: Sample, opened: Opened) => Promise<Sending | null> | Sending | null
}

const withHeaders = (sample: Sample, headers: Readonly<Record<string, string>>): Sending => ({
  ...sample.sending,
  headers: { ...sample.sending.headers, ...headers },
})

const ofTokens = (sample: Sample, token: string | null): Sending | null =>
  resources[sample.name].scope === 'none' ? null : { ...sample.sending, token }

const everything: Identity = {
  token: 'a',
  name: 'a',
  scopes: [{ kind: 'admin' }],
  expiresAt: null,
  from: '',
}
let made = 0
const cases: readonly Case[] = [
  { name: 'no token', statuses: [401], change: (sample) => ofTokens(sample, null) },
  {
    name: 'a bad token',
    // From the sixth on the address is locked out.
    statuses: [401, 429],
    change: (sample) => ofTokens(sample, 'x'.repeat(43)),
  },
  {
    name: 'an expired token',
    statuses: [401, 429],
    change: async (sample, { tokens }) => {
      const name = `expired-${(made += 1)}`
      const { token } = await tokens.create({ name, scopes: ['admin'], expiresAt: 1 }, 0)
      return ofTokens(sample, token)
    },
  },
  {
    name: 'a removed token',
    statuses: [401, 429],
    change: async (sample, { tokens }) => {
      const name = `removed-${(made += 1)}`
      const { id, token } = await tokens.create({ name, scopes: ['admin'], expiresAt: null }, 0)
      await tokens.remove(id)
      return ofTokens(sample, token)
    },
  },
  {
    name: 'every scope but the right one',
    statuses: [403],
    change: async (sample, opened) => {
      const scopes = otherScopes(sample.name)
      if (scopes === null) return null
      return ofTokens(sample, await opened.token(`other-${(made += 1)}`, ...scopes))
    },
  },
  {
    name: 'the token in the query',
    statuses: [401],
    change: (sample) => ofTokens(sample, null),
  },
  {
    name: 'a foreign Host',
    statuses: [403],
    change: (sample) => withHeaders(sample, { host: 'evil.test' }),
  },
  {
    name: 'a Host that begins like ours',
    statuses: [403],
    change: (sample) => withHeaders(sample, { host: 'localhost.evil.test' }),
  },
  {
    name: 'a foreign Origin',
    statuses: [403],
    change: (sample) => withHeaders(sample, { origin: 'http://evil.test' }),
  },
  {
    name: 'a null Origin',
    statuses: [403],
    change: (sample) => withHeaders(sample, { origin: 'null' }),
  },
  {
    name: 'an Origin on another port',
    statuses: [403],
    change: (sample) => withHeaders(sample, { origin: 'http://127.0.0.1:1' }),
  },
  {
    name: 'Sec-Fetch-Site cross-site',
    statuses: [403],
    change: (sample) => withHeaders(sample, { 'sec-fetch-site': 'cross-site' }),
  },
  {
    name: 'Sec-Fetch-Site same-site',
    statuses: [403],
    change: (sample) => withHeaders(sample, { 'sec-fetch-site': 'same-site' }),
  },
  {
    name: 'an upgrade',
    statuses: [400],
    change: (sample) => withHeaders(sample, { connection: 'upgrade', upgrade: 'websocket' }),
  },
  {
    name: 'a form post',
    statuses: [400, 415],
    change: (sample) => ({
      ...withHeaders(sample, { 'content-type': 'application/x-www-form-urlencoded' }),
      body: 'a=b',
    }),
  },
  {
    name: 'a body as text/plain, as no-cors sends it',
    statuses: [400, 415],
    change: (sample) => ({
      ...withHeaders(sample, { 'content-type': 'text/plain' }),
      body: JSON.stringify(sample.sending.body ?? {}),
    }),
  },
  {
    name: 'an oversize body',
    statuses: [400, 413],
    change: (sample) => {
      const size = resources[sample.name].body?.limit(everything) ?? 0
      return { ...sample.sending, body: { big: 'x'.repeat(size) } }
    },
  },
]

for (const { name, statuses, change } of cases) {
  test(`${name}: no operation is allowed`, async (t) => {
    const opened = await open(t)
    await fill(opened)
    const before = opened.publisher.current.revision.digest
    let tried = 0
    for (const sample of samples) {
      const sending = await change(sample, opened)
      if (sending === null) continue
      tried += 1
      const target = name.includes('query') ? `${sample.target}?token=x` : sample.target
      const answer: Received = await opened.send(sample.method, target, sending)
      const text = `${sample.name}: ${answer.status} ${answer.text.slice(0, 300)}`
      assert.ok(statuses.includes(answer.status), text)
      assert.equal(answer.headers['access-control-allow-origin'], undefined)
      if (answer.status === 401) assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer /)
      if (answer.status === 429) assert.match(answer.headers['retry-after'] ?? '', /^\d+$/)
    }
    assert.ok(tried >= samples.length - 2)
    assert.equal(opened.publisher.current.revision.digest, before)
    assert.deepEqual(
      opened.tokens.list().filter(({ name }) => name === 'made'),
      [],
    )
  })
}

test('with a token that may do everything each of these requests is let in', async (t) => {
  for (const sample of samples) {
    if (sample.name === 'events') continue
    const opened = await open(t)
    await fill(opened)
    const { status, text } = await opened.send(sample.method, sample.target, sample.sending)
    // Some ask for what is not there; none is turned away.
    assert.ok(![400, 401, 403, 405, 413, 415, 429].includes(status), `${sample.name}: ${text}`)
  }
})

test('the matrix has every operation of the table, and the table every operation', () => {
  const names = Object.keys(operations)
  assert.deepEqual(Object.keys(resources).sort(), [...names].sort())
  assert.deepEqual(
    samples.map(({ name }) => name),
    names,
  )
})

test('health and readiness are the only operations that need no token', () => {
  const open = Object.entries(resources).filter(([, { scope }]) => scope === 'none')
  assert.deepEqual(
    open.map(([name]) => name),
    ['health', 'readiness'],
  )
})

test('a right token is let in while its address is locked out', async (t) => {
  const { send } = await open(t)
  for (let at = 0; at < 20; at += 1) await send('GET', '/api/status', { token: 'x'.repeat(43) })
  assert.equal((await send('GET', '/api/status', { token: 'x'.repeat(43) })).status, 429)
  assert.equal((await send('GET', '/api/status')).status, 200)
})
