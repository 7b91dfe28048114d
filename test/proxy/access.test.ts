import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { renderRoute } from '../../src/core/route/parse.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { parseSecret, type Secret } from '../../src/core/route/secret.ts'
import { LiveSecret } from '../../src/gateway/filters/live-secret.ts'
import { ScryptCheck } from '../../src/gateway/filters/scrypt-check.ts'
import { filtersOf, openGuarded, scrypt, sha256 } from './support/access.ts'
import { askRaw, get } from './support/client.ts'
import { route } from './support/proxy.ts'
import { valuesOf } from './support/recording.ts'

type Row = readonly [name: string, path: string, fields: string, status: number]

const basic = (text: string | Buffer): string =>
  `Authorization: Basic ${Buffer.from(text).toString('base64')}\r\n`

const keyRows: readonly Row[] = [
  ['none', '/', '', 401],
  ['the right one', '/', 'X-Api-Key: right\r\n', 200],
  ['in another case of the name', '/', 'x-API-kEY: right\r\n', 200],
  ['in the query', '/?a=1&key=right&b', '', 200],
  ['in the query, its name encoded', '/?%6bey=right', '', 200],
  ['another one', '/', 'X-Api-Key: wrong\r\n', 401],
  ['in another case', '/', 'X-Api-Key: Right\r\n', 401],
  ['a part of it', '/', 'X-Api-Key: righ\r\n', 401],
  ['more than it', '/', 'X-Api-Key: rightt\r\n', 401],
  ['empty', '/', 'X-Api-Key:\r\n', 401],
  ['twice', '/', 'X-Api-Key: right\r\nX-Api-Key: right\r\n', 401],
  ['a wrong one before it', '/', 'X-Api-Key: wrong\r\nx-api-key: right\r\n', 401],
  ['joined', '/', 'X-Api-Key: right, right\r\n', 401],
  ['in both places', '/?key=right', 'X-Api-Key: right\r\n', 401],
  ['twice in the query', '/?key=right&key=wrong', '', 401],
  ['under an alias', '/', 'X_Api_Key: right\r\n', 401],
  ['its digest', '/', `X-Api-Key: ${sha256('right')}\r\n`, 401],
  ['behind dots of the path', '/a/../b', 'X-Api-Key: wrong\r\n', 401],
  ['with an encoded path', '/%61dmin', '', 401],
  ['behind slashes', '//admin', '', 401],
  ['named by Connection', '/', 'Connection: X-Api-Key\r\nX-Api-Key: wrong\r\n', 401],
  ['with an upgrade', '/', 'Connection: upgrade\r\nUpgrade: websocket\r\n', 401],
  ['of another client', '/', 'X-Api-Key: second\r\n', 200],
]

const keyAuth = {
  kind: 'key-auth',
  query: 'key',
  clients: [
    { name: 'acme', secret: sha256('right') },
    { name: 'other', secret: sha256('second') },
  ],
}

test('a key lets in who shows it once, and nobody else', async (t) => {
  const { ask, proxy } = await openGuarded(t, filtersOf(keyAuth))
  for (const [name, path, fields, status] of keyRows) {
    const asked = await ask(path, fields)
    assert.equal(asked.status, status, name)
    assert.equal(asked.seen !== undefined, status === 200, name)
    if (status === 401) assert.equal(asked.challenge, 'ApiKey realm="gateway"', name)
    else {
      const sent = asked.seen!
      assert.deepEqual(valuesOf(sent, 'turnout-client'), [
        name.includes('another client') ? 'other' : 'acme',
      ])
      // It is taken out, wherever it stood; the rest of the query stays.
      assert.ok(!JSON.stringify(sent).includes('right') && !JSON.stringify(sent).includes('second'))
      if (name === 'in the query') assert.equal(sent.target, '/?a=1&b')
    }
  }
  assert.deepEqual(proxy.errors, [])
})

test('with forward the key goes on', async (t) => {
  const { ask } = await openGuarded(t, filtersOf({ ...keyAuth, forward: true }))
  assert.deepEqual(valuesOf((await ask('/', 'X-Api-Key: right\r\n')).seen!, 'x-api-key'), ['right'])
  assert.equal((await ask('/?key=right')).seen!.target, '/?key=right')
})

test('who the client is, it cannot say itself, in no spelling', async (t) => {
  const forged = [
    'X-Client: root',
    'x-client: root',
    'X-CLIENT: root',
    'X_Client: root',
    'x_client: root',
    'X-Client:root\r\nX-Client: root',
    'Connection: X-Client\r\nX-Client: root',
  ]
  const filters = filtersOf({ ...keyAuth, identityHeader: 'X-Client' })
  for (const underscores of ['drop', 'keep'] as const) {
    const { ask } = await openGuarded(t, filters, { environment: { underscores } })
    for (const fields of forged) {
      const { seen } = await ask('/', `X-Api-Key: right\r\n${fields}\r\n`)
      assert.deepEqual(
        seen!.fields.filter(([name]) => /^x.client$/.test(name)),
        [['x-client', 'acme']],
        fields,
      )
    }
  }
})

const basicRows: readonly Row[] = [
  ['none', '/', '', 401],
  ['the right ones', '/', basic('anna:pass:word'), 200],
  ['the scheme in another case', '/', basic('anna:pass:word').replace('Basic', 'bASIC'), 200],
  ['another password', '/', basic('anna:pass'), 401],
  ['another name', '/', basic('nobody:pass:word'), 401],
  ['the name in another case', '/', basic('Anna:pass:word'), 401],
  ['no colon', '/', basic('anna'), 401],
  ['an empty password', '/', basic('anna:'), 401],
  ['a password beyond ASCII', '/', basic('ben:pässword'), 200],
  ['the same in Latin-1', '/', basic(Buffer.from('ben:pässword', 'latin1')), 401],
  ['the same, decomposed', '/', basic('ben:pa\u0308ssword'), 401],
  ['a name that looks alike', '/', basic('\u0430nna:pass:word'), 401],
  ['a NUL behind the name', '/', basic('anna\0:pass:word'), 401],
  ['without padding', '/', basic('anna:pass:word').replace('=', ''), 401],
  ['bits left over', '/', 'Authorization: Basic YW5uYTpwYXNzOndvcmR=\r\n', 401],
  ['the alphabet of URLs', '/', 'Authorization: Basic YW5uYT-_\r\n', 401],
  [
    'two of them in one field',
    '/',
    basic('anna:pass:word').replace('\r\n', ', Basic YTpi\r\n'),
    401,
  ],
  ['twice', '/', basic('anna:pass:word') + basic('anna:pass:word'), 401],
  ['another scheme', '/', 'Authorization: Bearer YW5uYTpwYXNzOndvcmQ=\r\n', 401],
  ['through the proxy field', '/', basic('anna:pass:word').replace('Auth', 'Proxy-Auth'), 401],
  ['too long', '/', basic(`anna:${'x'.repeat(5_000)}`), 401],
]

test('Basic credentials let in who has the password, and nobody else', async (t) => {
  for (const hashed of [sha256, scrypt]) {
    const { ask, proxy } = await openGuarded(
      t,
      filtersOf({
        kind: 'basic-auth',
        realm: 'shop',
        clients: [
          { name: 'anna', secret: hashed('pass:word') },
          { name: 'ben', secret: hashed('pässword') },
        ],
      }),
    )
    for (const [name, path, fields, status] of basicRows) {
      const asked = await ask(path, fields)
      assert.equal(asked.status, status, name)
      assert.equal(asked.seen !== undefined, status === 200, name)
      if (status === 401) assert.equal(asked.challenge, 'Basic realm="shop", charset="UTF-8"')
      else assert.deepEqual(valuesOf(asked.seen!, 'authorization'), [], name)
    }
    assert.deepEqual(proxy.errors, [])
  }
})

test('a name with two passwords takes both, as while one is replaced', async (t) => {
  const clients = [
    { name: 'anna', secret: scrypt('old') },
    { name: 'anna', secret: sha256('new') },
  ]
  const { ask } = await openGuarded(t, filtersOf({ kind: 'basic-auth', clients }))
  for (const [password, status] of [
    ['old', 200],
    ['new', 200],
    ['else', 401],
  ] as const)
    assert.equal((await ask('/', basic(`anna:${password}`))).status, status)
})

test('more slow checks than fit are refused, and not let in', async () => {
  const check = new ScryptCheck()
  const secret = parseSecret(scrypt('right')) as Extract<Secret, { readonly kind: 'scrypt' }>
  const all = Array.from({ length: 120 }, (_, at) => check.check(`wrong-${at}`, secret))
  assert.equal(all.filter((one) => one === null).length, 120 - 34)
  assert.deepEqual([...new Set(await Promise.all(all.map(async (one) => one)))], [false, null])
  assert.equal(await check.check('right', secret), true)
  assert.equal(check.check('right', secret), true, 'what was proven is known at once')
})

const addresses: readonly (readonly [object, string, number])[] = [
  [{ allow: ['127.0.0.1'] }, '', 200],
  [{ allow: ['10.0.0.0/8'] }, '', 403],
  [{ deny: ['127.0.0.0/8'] }, '', 403],
  [{ allow: ['127.0.0.1'], deny: ['127.0.0.1'] }, '', 403],
  [{ allow: ['203.0.113.7'] }, 'X-Forwarded-For: 203.0.113.7\r\n', 403],
  [{ deny: ['203.0.113.7'] }, 'X-Forwarded-For: 203.0.113.7\r\n', 200],
  [{ allow: ['::ffff:127.0.0.1'] }, '', 200],
]

test('addresses pass as the lists say, and a client is not believed about its own', async (t) => {
  for (const [lists, fields, status] of addresses) {
    const { ask } = await openGuarded(t, filtersOf({ kind: 'ip-filter', ...lists }))
    const asked = await ask('/', fields)
    assert.equal(asked.status, status, JSON.stringify(lists))
    assert.equal(asked.seen !== undefined, status === 200)
  }
})

test('through a trusted proxy the address is that of the right-most who is none', async (t) => {
  const rows: readonly (readonly [string, number])[] = [
    ['203.0.113.7', 200],
    ['198.51.100.1', 403],
    ['203.0.113.7, 198.51.100.1', 403],
    ['198.51.100.1, 203.0.113.7', 200],
    ['203.0.113.7, 127.0.0.2', 200],
    ['nonsense', 403],
    ['', 403],
  ]
  const filters = filtersOf({ kind: 'ip-filter', allow: ['203.0.113.0/24'] })
  const { ask } = await openGuarded(t, filters, { trusted: ['127.0.0.0/8'] })
  for (const [list, status] of rows)
    assert.equal((await ask('/', `X-Forwarded-For: ${list}\r\n`)).status, status, list)
  const twice = 'X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 198.51.100.1\r\n'
  assert.equal((await ask('/', twice)).status, 403)
})

test('a secret by reference is read where it is; one that cannot be read lets nobody in', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'turnout-secrets-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'key')
  writeFileSync(file, 'of-the-file\n')
  process.env['TURNOUT_TEST_KEY'] = 'of-the-environment'
  t.after(() => delete process.env['TURNOUT_TEST_KEY'])
  const clients = [
    { name: 'file', secret: `file:${file}` },
    { name: 'environment', secret: 'env:TURNOUT_TEST_KEY' },
    { name: 'missing', secret: 'env:TURNOUT_TEST_NOT_THERE' },
    { name: 'gone', secret: `file:${join(folder, 'gone')}` },
  ]
  const { ask, proxy } = await openGuarded(t, filtersOf({ kind: 'key-auth', clients }))
  const whom = async (key: string): Promise<string | undefined> => {
    const { seen } = await ask('/', `X-Api-Key: ${key}\r\n`)
    return seen && valuesOf(seen, 'turnout-client')[0]
  }
  assert.equal(await whom('of-the-file'), 'file')
  assert.equal(await whom('of-the-environment'), 'environment')
  for (const key of ['', 'undefined', 'null', ' ']) assert.equal(await whom(key), undefined)
  const told = proxy.logged.filter((line) => line.startsWith('a secret cannot be read'))
  assert.deepEqual(told.length, 2)
})

test('a secret is in no answer, no log and no table', async (t) => {
  const canary = 'canary-5b1e'
  process.env['TURNOUT_TEST_CANARY'] = canary
  t.after(() => delete process.env['TURNOUT_TEST_CANARY'])
  const client = { name: 'a', secret: 'env:TURNOUT_TEST_CANARY' }
  const filters = filtersOf({ kind: 'key-auth', clients: [client] }, { kind: 'response-cache' })
  const { proxy, recording } = await openGuarded(t, filters)
  const answers = [
    await askRaw(proxy.port, get('/', `X-Api-Key: ${canary}\r\n`)),
    await askRaw(proxy.port, get('/', `X-Api-Key: ${canary}1\r\n`)),
    await askRaw(proxy.port, get(`/?key=${canary}`, `X-Api-Key: ${canary}\r\nX-Api-Key: b\r\n`)),
  ]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 401, 401],
  )
  const shown = JSON.stringify([
    answers,
    proxy.logged,
    proxy.errors,
    proxy.events,
    renderRoute(route('/', recording.url, { filters })),
    recording.seen,
  ])
  assert.ok(!shown.includes(canary))
  assert.ok(shown.includes('env:TURNOUT_TEST_CANARY'))
})

test('a file that is replaced takes effect, and one that goes leaves the last text', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'turnout-secrets-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'key')
  writeFileSync(file, 'one')
  let now = 0
  t.mock.method(performance, 'now', () => now)
  const secret = new LiveSecret(`file:${file}`, silentLogger)
  const later = async (wanted: string): Promise<void> => {
    now += 6_000
    while (secret.text !== wanted) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(secret.text, 'one')
  writeFileSync(file, 'two\n')
  assert.equal(secret.text, 'one', 'it is not read for each request')
  await later('two')
  rmSync(file)
  now += 6_000
  assert.equal(secret.text, 'two')
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(secret.text, 'two')
})
