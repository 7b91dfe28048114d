import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { emptyTable } from '../../src/core/route/table.ts'
import { Exchange } from '../../src/gateway/exchange.ts'
import type { Snapshot } from '../../src/gateway/snapshot.ts'
import type { Transport } from '../../src/gateway/transport.ts'
import { enclose, envelopeField, openEnvelope } from '../../src/modules/isolated/envelope.ts'

interface Sent {
  readonly target?: string
  readonly origin?: string
  readonly remote?: string
  readonly headers?: readonly string[]
  readonly params?: Readonly<Record<string, string>>
  readonly revision?: number
  readonly isMirrored?: boolean
}

const exchangeOf = (sent: Sent): Exchange => {
  const { target = '/', origin = 'http://a.test', remote, headers = [], params = {} } = sent
  const transport = {
    method: 'GET',
    target,
    origin: () => origin,
    remoteAddress: () => remote,
    headers: () => headers,
    header: () => undefined,
  } as unknown as Transport
  const { revision = 1 } = sent
  const snapshot = { revision, table: emptyTable, versions: new Map() } as unknown as Snapshot
  const exchange = new Exchange(transport, snapshot)
  exchange.params = params
  exchange.mirrored = sent.isMirrored === true
  return exchange
}

const sentOf = (sent: Sent, route = 0, secret = 'secret') => {
  const exchange = exchangeOf(sent)
  const { path, search, headers, host } = enclose(exchange, route, secret)
  const at = headers.indexOf(envelopeField)
  return { target: path + search, host, text: headers[at + 1]!, headers, trace: exchange.trace }
}

test('what goes into an envelope comes out of it', () => {
  const word = fc.string({ unit: 'binary', maxLength: 20 })
  const envelopes = fc.record({
    params: fc.dictionary(word, word),
    remote: fc.constantFrom('127.0.0.1', '::1', undefined),
    revision: fc.nat(),
    route: fc.nat(10_000),
    isMirrored: fc.boolean(),
    isSecure: fc.boolean(),
  })
  fc.assert(
    fc.property(envelopes, ({ route, isSecure, remote, ...given }) => {
      const origin = isSecure ? 'https://a.test' : 'http://a.test'
      const sent = { ...given, origin, ...(remote !== undefined && { remote }) }
      const { text, trace } = sentOf(sent, route)
      // Nothing that another parser may read as the end of a field.
      assert.match(text, /^[ -~]*$/)
      const opened = openEnvelope(text, 'secret')!
      assert.deepEqual({ ...opened.params }, { ...given.params })
      const { revision, isMirrored } = given
      const { params: _, path: __, fields: ___, ...rest } = opened
      const expected = {
        route,
        revision,
        isMirrored,
        isSecure,
        remoteAddress: remote,
        traceId: trace.traceId,
      }
      assert.deepEqual(rest, expected)
    }),
  )
})

test('without the secret nothing is an envelope', () => {
  const { text } = sentOf({}, 3)
  assert.equal(openEnvelope(text, 'secret')?.route, 3)
  for (const other of ['', 'secre', 'secret2', 'SECRET'])
    assert.equal(openEnvelope(text, other), null)
  for (const forged of ['', '[]', '["secret"]', '{"secret":1}', ` ${text}`])
    assert.equal(openEnvelope(forged, 'secret'), null)
})

test('a client’s own envelope, in any letters, goes nowhere', () => {
  const { headers } = sentOf({
    headers: ['Turnout-Exchange', '["secret",1]', 'a', '1', 'TURNOUT-EXCHANGE', '["secret",2]'],
  })
  assert.deepEqual(headers.slice(2), ['a', '1'])
  assert.equal(headers[0], envelopeField)
})

test('fields of the connection go inside, framing not at all, the rest beside it', () => {
  const { headers, text, host } = sentOf({
    origin: 'http://b.test:81',
    headers: [
      'Host',
      'a.test',
      'Connection',
      'close',
      'TE',
      'trailers',
      'Content-Length',
      '3',
      'X-A',
      '1',
    ],
  })
  assert.equal(host, 'b.test:81')
  assert.deepEqual(headers.slice(2), ['X-A', '1'])
  assert.deepEqual(openEnvelope(text, 'secret')?.fields, ['Connection', 'close', 'TE', 'trailers'])
})

test('a target leaves in characters that every parser takes', () => {
  assert.equal(sentOf({ target: '/a?x=\u00e9\u00ff' }).target, '/a?x=%e9%ff')
  assert.equal(sentOf({ target: '/a%20b?x=[1]' }).target, '/a%20b?x=[1]')
})
