import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientAddress, forwardedHeaders, parseTrusted } from '../../../src/core/http/forwarded.ts'

const trusted = parseTrusted(['10.0.0.0/8', 'fd00::/8', '192.0.2.7'])
const none = parseTrusted([])

const clients: readonly (readonly [
  peer: string | undefined,
  list: string | undefined,
  client: string | undefined,
])[] = [
  ['203.0.113.9', undefined, '203.0.113.9'],
  ['203.0.113.9', '1.1.1.1', '203.0.113.9'],
  ['10.0.0.1', undefined, '10.0.0.1'],
  ['10.0.0.1', '1.1.1.1', '1.1.1.1'],
  ['::ffff:10.0.0.1', '1.1.1.1', '1.1.1.1'],
  ['::ffff:203.0.113.9', '1.1.1.1', '203.0.113.9'],
  ['10.0.0.1', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
  ['10.0.0.1', '6.6.6.6, 1.1.1.1, 10.9.9.9', '1.1.1.1'],
  ['10.0.0.1', '10.0.0.2,10.0.0.3', '10.0.0.2'],
  ['10.0.0.1', '', '10.0.0.1'],
  ['10.0.0.1', 'unknown', '10.0.0.1'],
  ['10.0.0.1', '1.1.1.1, unknown, 10.0.0.2', '10.0.0.2'],
  ['10.0.0.1', '1.1.1.1,', '10.0.0.1'],
  ['10.0.0.1', '1.1.1.1:4711', '1.1.1.1'],
  ['10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
  ['fd00::1', '2001:db8::1', '2001:db8::1'],
  ['192.0.2.7', '192.0.2.8', '192.0.2.8'],
  ['10.0.0.1', '0x7f.1', '10.0.0.1'],
  ['10.0.0.1', '010.0.0.1', '10.0.0.1'],
  ['10.0.0.1', '::ffff:1.1.1.1', '1.1.1.1'],
  [undefined, '1.1.1.1', undefined],
]

for (const [peer, list, client] of clients) {
  test(`client of ${peer ?? 'a socket file'} with list ${list ?? '(none)'} is ${client ?? '(none)'}`, () => {
    assert.equal(clientAddress(peer, list, trusted), client)
    if (peer === '10.0.0.1') assert.equal(clientAddress(peer, list, none), peer)
  })
}

const forged: readonly string[] = [
  'X-Forwarded-For',
  'x-forwarded-for',
  'X-FORWARDED-FOR',
  'x_forwarded_for',
  'X_Forwarded_For',
  'X-Forwarded_For',
  'x_forwarded-for',
  'X-Forwarded-Proto',
  'x_forwarded_proto',
  'X-Forwarded_Proto',
  'X-Forwarded-Host',
  'x-Forwarded-HOST',
  'X_Forwarded_Host',
  'X-Forwarded-Port',
  'x_forwarded_port',
  'X-Forwarded-Server',
  'X-Forwarded-Prefix',
  'X-Forwarded-Ssl',
  'X-Forwarded-Scheme',
  'X-Forwarded-User',
  'X-Forwarded-Email',
  'X-Forwarded-Uri',
  'X-Forwarded-Method',
  'X-Forwarded-Client-Cert',
  'X-Forwarded-Tls-Client-Cert',
  'X_Forwarded_Tls_Client_Cert',
  'X-Forwarded',
  'x_forwarded',
  'X-ForwardedFor',
  'x-forwarded-by',
  'X-Forwarded-For-Original',
  'Forwarded',
  'forwarded',
  'FORWARDED',
  'X-Real-IP',
  'x-real-ip',
  'X_Real_IP',
  'X-Real_Ip',
  'x_real-ip',
  'Turnout-Client',
  'turnout_client',
  'TURNOUT-ROUTE',
]

const from = (peer: string | undefined, fields: readonly string[], by = trusted): string[] =>
  forwardedHeaders({ fields, peer, protocol: 'http', host: 'shop.test:8080', trusted: by })

const ours = (address: string): string[] => [
  'x-forwarded-for',
  address,
  'x-forwarded-proto',
  'http',
  'x-forwarded-host',
  'shop.test:8080',
  'x-forwarded-port',
  '8080',
  'x-real-ip',
  address,
]

for (const name of forged) {
  test(`${name} of an untrusted peer reaches no upstream`, () => {
    const fields = ['a', '1', name, '6.6.6.6', name.toLowerCase(), 'https', 'b', '2']
    const expected = ['a', '1', 'b', '2', ...ours('203.0.113.9')]
    assert.deepEqual(from('203.0.113.9', fields), expected)
    assert.deepEqual(from('203.0.113.9', fields, none), expected)
  })
}

test('names that only resemble a claim go through', () => {
  const fields = ['x-for', '1', 'x-realm', '2', 'forward', '3', 'te', '4', 'x-api-version', '5']
  assert.deepEqual(from('203.0.113.9', fields), [...fields, ...ours('203.0.113.9')])
})

const valueOf = (fields: readonly string[], name: string): readonly string[] =>
  fields.filter((_, at) => at % 2 === 1 && fields[at - 1] === name)

const continued: readonly (readonly [
  what: string,
  fields: readonly string[],
  name: string,
  values: readonly string[],
])[] = [
  ['the list', ['X-Forwarded-For', '1.1.1.1'], 'x-forwarded-for', ['1.1.1.1, 10.0.0.1']],
  [
    'a list in two fields',
    ['X-Forwarded-For', '6.6.6.6', 'x-forwarded-for', '1.1.1.1'],
    'x-forwarded-for',
    ['6.6.6.6, 1.1.1.1, 10.0.0.1'],
  ],
  ['no list', [], 'x-forwarded-for', ['10.0.0.1']],
  ['a list with "_"', ['X_Forwarded_For', '1.1.1.1'], 'x-forwarded-for', ['10.0.0.1']],
  ['the client', ['X-Forwarded-For', '6.6.6.6, 1.1.1.1'], 'x-real-ip', ['1.1.1.1']],
  ['the client against X-Real-IP', ['X-Real-IP', '6.6.6.6'], 'x-real-ip', ['10.0.0.1']],
  ['the scheme', ['X-Forwarded-Proto', 'https'], 'x-forwarded-proto', ['https']],
  ['a scheme that is none', ['X-Forwarded-Proto', 'file'], 'x-forwarded-proto', ['http']],
  [
    'two schemes',
    ['X-Forwarded-Proto', 'https', 'X-Forwarded-Proto', 'http'],
    'x-forwarded-proto',
    ['http'],
  ],
  ['the host', ['X-Forwarded-Host', 'a.test'], 'x-forwarded-host', ['a.test']],
  ['a host that is none', ['X-Forwarded-Host', 'a/b'], 'x-forwarded-host', ['shop.test:8080']],
  ['the port', ['X-Forwarded-Port', '443'], 'x-forwarded-port', ['443']],
  ['other claims', ['X-Forwarded-Prefix', '/a'], 'x-forwarded-prefix', ['/a']],
  [
    'Forwarded',
    ['Forwarded', 'for=1.1.1.1'],
    'forwarded',
    ['for=1.1.1.1, for=10.0.0.1;proto=http;host="shop.test:8080"'],
  ],
]

for (const [what, fields, name, values] of continued) {
  test(`from a trusted peer: ${what}`, () =>
    assert.deepEqual(valueOf(from('10.0.0.1', fields), name), values))
}

test('a peer without an address is not trusted and adds none', () => {
  assert.deepEqual(valueOf(from(undefined, ['x-forwarded-for', '1.1.1.1']), 'x-forwarded-for'), [])
})
