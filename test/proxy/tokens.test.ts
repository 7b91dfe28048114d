import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { SignJWT } from 'jose'
import { filtersOf, openGuarded, type Asked, type Guarded } from './support/access.ts'
import { valuesOf } from './support/recording.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const shared = 'a-secret-of-at-least-thirty-two-bytes'
const issuer = 'https://issuer.test'

const environment: Readonly<Record<string, string>> = {
  TURNOUT_TEST_PEM: pem,
  TURNOUT_TEST_JWK: JSON.stringify(rsa.publicKey.export({ format: 'jwk' })),
  TURNOUT_TEST_SHARED: shared,
  TURNOUT_TEST_SHORT: 'short',
}
Object.assign(process.env, environment)

const now = (): number => Math.floor(Date.now() / 1000)

interface Said {
  readonly header?: object
  readonly payload?: object
  readonly key?: KeyObject | Uint8Array
}

const usual = (): object => ({ iss: issuer, aud: 'shop', sub: 'anna', exp: now() + 600 })

const sign = ({ header, payload, key = rsa.privateKey }: Said = {}): Promise<string> =>
  new SignJWT({ ...usual(), ...payload }).setProtectedHeader({ alg: 'RS256', ...header }).sign(key)

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token that no library would sign. */
const forge = (header: object, payload: object, secret: string | null): string => {
  const body = `${encode(header)}.${encode(payload)}`
  const mac = secret === null ? '' : createHmac('sha256', secret).update(body).digest('base64url')
  return `${body}.${mac}`
}

const jwt = {
  kind: 'jwt',
  algorithms: ['RS256'],
  issuer,
  audiences: ['shop'],
  key: 'env:TURNOUT_TEST_PEM',
  clockToleranceMs: 0,
}

const bearer =
  (ask: Guarded['ask']) =>
  (token: string): Promise<Asked> =>
    ask('/', `Authorization: Bearer ${token}\r\n`)

const [good, , signature] = (await sign()).split('.') as [string, string, string]
const payloadOf = (more: object): string => encode({ ...usual(), ...more })

const rows: readonly (readonly [name: string, token: string, status: number])[] = [
  ['a good one', await sign(), 200],
  ['one of several audiences', await sign({ payload: { aud: ['a', 'shop'] } }), 200],
  ['expired', await sign({ payload: { exp: now() - 1 } }), 401],
  ['without an end', await sign({ payload: { exp: undefined } }), 401],
  ['an end that is a text', await sign({ payload: { exp: String(now() + 600) } }), 401],
  ['not yet valid', await sign({ payload: { nbf: now() + 600 } }), 401],
  ['another audience', await sign({ payload: { aud: 'other' } }), 401],
  ['an audience that begins like it', await sign({ payload: { aud: 'shop2' } }), 401],
  ['no audience', await sign({ payload: { aud: undefined } }), 401],
  ['another issuer', await sign({ payload: { iss: `${issuer}/` } }), 401],
  ['an issuer that looks alike', await sign({ payload: { iss: 'https://\u0456ssuer.test' } }), 401],
  ['another key', await sign({ key: other.privateKey }), 401],
  ['another algorithm of the same key', await sign({ header: { alg: 'RS512' } }), 401],
  ['PSS in the place of PKCS1', await sign({ header: { alg: 'PS256' } }), 401],
  ['none', forge({ alg: 'none' }, usual(), null), 401],
  ['None', forge({ alg: 'None' }, usual(), null), 401],
  ['none, with a signature', `${encode({ alg: 'none' })}.${payloadOf({})}.${signature}`, 401],
  ['the public key as a secret', forge({ alg: 'HS256' }, usual(), pem), 401],
  ['the same without its line break', forge({ alg: 'HS256' }, usual(), pem.trim()), 401],
  ['an empty secret', forge({ alg: 'HS256' }, usual(), ''), 401],
  ['no algorithm', forge({}, usual(), ''), 401],
  ['another payload', `${good}.${payloadOf({ sub: 'root' })}.${signature}`, 401],
  [
    'its own key',
    await sign({
      header: { jwk: other.publicKey.export({ format: 'jwk' }) },
      key: other.privateKey,
    }),
    401,
  ],
  [
    'a key elsewhere',
    await sign({ header: { jku: 'http://127.0.0.1:1/' }, key: other.privateKey }),
    401,
  ],
  ['an extension that nobody knows', forge({ alg: 'RS256', crit: ['x'], x: 1 }, usual(), ''), 401],
  ['two parts', (await sign()).split('.').slice(0, 2).join('.'), 401],
  ['five parts', `${await sign()}.a.b`, 401],
  ['padding', `${await sign()}=`, 401],
  ['a space inside', (await sign()).replace('.', '. '), 401],
  ['nothing', '', 401],
  ['too long', await sign({ payload: { more: 'x'.repeat(9_000) } }), 401],
]

test('a token lets in whom the issuer means it for, and nobody else', async (t) => {
  for (const key of ['env:TURNOUT_TEST_PEM', 'env:TURNOUT_TEST_JWK']) {
    const { ask, proxy } = await openGuarded(t, filtersOf({ ...jwt, key }))
    const asBearer = bearer(ask)
    for (const [name, token, status] of rows) {
      const asked = await asBearer(token)
      assert.equal(asked.status, status, name)
      assert.equal(asked.seen !== undefined, status === 200, name)
      if (status === 401)
        assert.equal(asked.challenge, 'Bearer realm="gateway", error="invalid_token"', name)
      else {
        assert.deepEqual(valuesOf(asked.seen!, 'turnout-client'), ['anna'])
        assert.deepEqual(valuesOf(asked.seen!, 'authorization'), [])
      }
    }
    const none = await ask('/')
    assert.deepEqual([none.status, none.challenge], [401, 'Bearer realm="gateway"'])
    const twice = `Authorization: Bearer ${await sign()}\r\n`.repeat(2)
    assert.equal((await ask('/', twice)).status, 401)
    assert.equal((await ask('/', `authorization: bEARER ${await sign()}\r\n`)).status, 200)
    // What a token says is nowhere in the log.
    assert.ok(!proxy.logged.join().includes(good))
    assert.deepEqual(proxy.errors, [])
  }
})

test('a shared secret signs for its own algorithms only, and is long enough', async (t) => {
  const bytes = Buffer.from(shared)
  const token = await sign({ header: { alg: 'HS256' }, key: bytes })
  const own = { ...jwt, algorithms: ['HS256'], key: 'env:TURNOUT_TEST_SHARED' }
  const asBearer = bearer((await openGuarded(t, filtersOf(own))).ask)
  assert.equal((await asBearer(token)).status, 200)
  assert.equal((await asBearer(await sign())).status, 401)
  assert.equal((await asBearer(forge({ alg: 'HS256' }, usual(), 'other'))).status, 401)
  // None of these is a secret that nobody knows: there is no key, and nobody passes.
  for (const key of ['env:TURNOUT_TEST_SHORT', 'env:TURNOUT_TEST_PEM', 'env:TURNOUT_TEST_GONE']) {
    const unusable = await openGuarded(t, filtersOf({ ...own, key }))
    const secret = environment[key.slice(4)] ?? ''
    const asked = await bearer(unusable.ask)(forge({ alg: 'HS256' }, usual(), secret))
    assert.deepEqual([asked.status, asked.code], [503, 'TURNOUT_CREDENTIALS_UNCHECKED'], key)
    assert.equal(asked.seen, undefined)
  }
})

test('the clock may differ by the tolerance', async (t) => {
  const settings = { ...jwt, clockToleranceMs: '5m' }
  const asBearer = bearer((await openGuarded(t, filtersOf(settings))).ask)
  assert.equal((await asBearer(await sign({ payload: { exp: now() - 200 } }))).status, 200)
  assert.equal((await asBearer(await sign({ payload: { exp: now() - 400 } }))).status, 401)
})

test('claims that are required, and claims that are sent on', async (t) => {
  const { ask } = await openGuarded(
    t,
    filtersOf({
      ...jwt,
      required: { role: ['admin', 'editor'], scope: 'write' },
      claims: { tenant: 'x-tenant', roles: 'x-roles', age: 'x-age' },
    }),
  )
  const asked = async (payload: object, fields = ''): Promise<Asked> =>
    ask('/', `Authorization: Bearer ${await sign({ payload })}\r\n${fields}`)
  const may = { role: 'admin', scope: 'read write' }
  const forbidden: readonly object[] = [
    {},
    { role: 'admin' },
    { ...may, scope: 'read writes' },
    { ...may, role: 'Admin' },
    { ...may, role: { admin: true } },
    { ...may, role: [['admin']] },
  ]
  for (const payload of forbidden) {
    const { status, challenge, seen } = await asked(payload)
    assert.deepEqual([status, seen], [403, undefined], JSON.stringify(payload))
    assert.equal(challenge, 'Bearer realm="gateway", error="insufficient_scope"')
  }
  assert.equal((await asked({ ...may, role: ['user', 'editor'] })).status, 200)

  const forged = 'X-Tenant: forged\r\nX_Tenant: forged\r\nx-roles: root\r\nX-Age: 1\r\n'
  const sent: readonly (readonly [object, readonly string[]])[] = [
    [{}, []],
    [{ tenant: 'a', age: 7 }, ['a', '7']],
    [{ tenant: 'a\r\nX-Evil: 1', roles: ['a,b', 'c'] }, ['a%0D%0AX-Evil: 1', 'a%2Cb,c']],
    [{ tenant: 'ü %C3%BC ' }, ['%C3%BC %25C3%25BC%20']],
    [{ tenant: '\u010d\u010a' }, ['%C4%8D%C4%8A']],
  ]
  for (const [payload, values] of sent) {
    const { seen } = await asked({ ...may, ...payload }, forged)
    const fields = seen!.fields.filter(([name]) => /^x.(?:tenant|roles|age|evil)$/.test(name))
    assert.deepEqual(
      new Set(fields.map(([, value]) => value)),
      new Set(values),
      JSON.stringify(payload),
    )
  }
  for (const tenant of [{ a: 1 }, [1], 'x'.repeat(2_000), '\ud800'])
    assert.equal((await asked({ ...may, tenant })).status, 401)
})

interface Keys {
  readonly url: string
  /** Requests that it was sent. */
  readonly count: () => number
  answer:
    | (() => { readonly status: number; readonly body: string; readonly fields?: object })
    | null
}

const jwk = (kid: string, { publicKey }: { readonly publicKey: KeyObject }): object => ({
  ...publicKey.export({ format: 'jwk' }),
  kid,
  alg: 'RS256',
  use: 'sig',
})
const setOf = (...keys: readonly object[]): string => JSON.stringify({ keys })

async function openKeys(t: TestContext): Promise<Keys> {
  let count = 0
  const keys: Keys = { url: '', count: () => count, answer: null }
  const server = createServer((_, response) => {
    count += 1
    const answer = keys.answer?.()
    // One that is silent never answers.
    if (answer !== undefined)
      response.writeHead(answer.status, { ...answer.fields }).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return Object.assign(keys, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
  })
}

const openBy = async (t: TestContext, url: string, options = {}): Promise<Guarded> =>
  openGuarded(t, filtersOf({ ...jwt, key: null, jwks: url }), options)

test('keys come from their address once, and new ones when a token names one', async (t) => {
  let clock = 1_000_000
  const keys = await openKeys(t)
  keys.answer = () => ({
    status: 200,
    body: setOf(jwk('one', rsa), { kty: 'oct', k: 'YQ', kid: 'two' }),
  })
  const asBearer = bearer((await openBy(t, keys.url)).ask)
  const one = await sign({ header: { kid: 'one' } })
  const first = await Promise.all([asBearer(one), asBearer(one), asBearer(one)])
  assert.deepEqual(
    first.map(({ status }) => status),
    [200, 200, 200],
  )
  assert.equal(keys.count(), 1)
  const two = await sign({ header: { kid: 'two' }, key: other.privateKey })
  for (let at = 0; at < 5; at += 1) assert.equal((await asBearer(two)).status, 401)
  assert.equal(keys.count(), 1, 'not again at once, whatever tokens name')
  keys.answer = () => ({ status: 200, body: setOf(jwk('one', rsa), jwk('two', other)) })
  const real = performance.now.bind(performance)
  t.mock.method(performance, 'now', () => real() + clock)
  clock = 6_000
  assert.equal((await asBearer(two)).status, 200)
  assert.equal(keys.count(), 2)
  // A secret in a set that anybody may read is none.
  assert.equal((await asBearer(forge({ alg: 'HS256', kid: 'two' }, usual(), 'a'))).status, 401)
})

test('keys that are old are fetched in the background, and very old ones are not believed', async (t) => {
  const keys = await openKeys(t)
  keys.answer = () => ({ status: 200, body: setOf(jwk('one', rsa)) })
  const asBearer = bearer((await openBy(t, keys.url)).ask)
  const token = await sign({ header: { kid: 'one' }, payload: { exp: now() + 1_000_000 } })
  assert.equal((await asBearer(token)).status, 200)
  let clock = 0
  const real = performance.now.bind(performance)
  t.mock.method(performance, 'now', () => real() + clock)
  keys.answer = () => ({ status: 500, body: '' })
  clock = 400_000
  assert.equal((await asBearer(token)).status, 200)
  clock = 90_000_000
  assert.deepEqual((await asBearer(token)).code, 'TURNOUT_CREDENTIALS_UNCHECKED')
  assert.ok(keys.count() >= 2)
})

const bad: Readonly<Record<string, () => { status: number; body: string; fields?: object }>> = {
  'a redirect': () => ({ status: 302, body: '', fields: { location: 'http://127.0.0.1:1/' } }),
  'no JSON': () => ({ status: 200, body: 'keys' }),
  'no keys': () => ({ status: 200, body: '{"keys":[]}' }),
  'secrets only': () => ({ status: 200, body: setOf({ kty: 'oct', k: 'YQ' }) }),
  'too much': () => ({ status: 200, body: `${setOf(jwk('one', rsa))}${' '.repeat(300_000)}` }),
}

test('while there are no keys nobody passes', async (t) => {
  const token = await sign({ header: { kid: 'one' } })
  for (const [name, answer] of Object.entries(bad)) {
    const keys = await openKeys(t)
    keys.answer = answer
    const { ask } = await openBy(t, keys.url)
    const asked = await bearer(ask)(token)
    assert.deepEqual([asked.status, asked.seen], [503, undefined], name)
  }
})

test('an issuer that is silent delays nobody for longer than a deadline', async (t) => {
  const keys = await openKeys(t)
  const { ask, proxy } = await openBy(t, keys.url)
  const token = await sign({ header: { kid: 'one' } })
  const asked = await Promise.all([bearer(ask)(token), bearer(ask)(token)])
  assert.deepEqual(
    asked.map(({ code }) => code),
    ['TURNOUT_CREDENTIALS_UNCHECKED', 'TURNOUT_CREDENTIALS_UNCHECKED'],
  )
  assert.equal(keys.count(), 1)
  assert.ok(proxy.logged.some((line) => line.includes('it took too long')))
})

test('keys are never fetched from an address that is not allowed', async (t) => {
  const keys = await openKeys(t)
  keys.answer = () => ({ status: 200, body: setOf(jwk('one', rsa)) })
  const refuseAddress = (_: string, port: number): string | null =>
    keys.url.includes(`:${port}/`) ? 'the admin API' : null
  const { ask } = await openBy(t, keys.url.replace('127.0.0.1', 'localhost'), {
    environment: { refuseAddress },
  })
  assert.equal((await bearer(ask)(await sign({ header: { kid: 'one' } }))).status, 503)
  assert.equal(keys.count(), 0)
})
