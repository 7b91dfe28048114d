import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerHead, isBad, needsMore } from '../../../src/gateway/upstream/answer-head.ts'
import { isElsewhere, PlainHead } from '../../../src/gateway/upstream/plain-head.ts'
import { Random } from '../../lane/random.ts'
import { seeds } from '../../lane/seeds.ts'
import { makeCase } from './generate.ts'
import { listed } from './parsed.ts'

const most = 1_024

interface Read {
  readonly end: number
  readonly status: number
  readonly fields: readonly string[]
  readonly length: number | null
  readonly isChunked: boolean
  readonly isLast: boolean
}

const plain = new PlainHead()
const readPlain = (bytes: Buffer): Read | null => {
  const end = plain.read(bytes, 0, bytes.length, most)
  if (end === isElsewhere) return null
  const { status, fields, length, isChunked, isLast } = plain
  return { end, status, fields: listed(fields), length, isChunked, isLast }
}

const head = new AnswerHead()
const readWhole = (bytes: Buffer): Read | null => {
  head.start()
  const end = head.read(bytes, 0, bytes.length)
  if (end === isBad || end === needsMore) return null
  const { status, headers, length, isChunked, isLast } = head
  return { end, status, fields: headers, length, isChunked, isLast }
}

/** One byte of it is another one, or gone, or there twice. */
const mutated = (bytes: Buffer, random: Random): Buffer => {
  const at = random.below(bytes.length)
  const kept = [bytes.subarray(0, at), bytes.subarray(at + 1)] as const
  switch (random.below(3)) {
    case 0:
      return Buffer.concat([kept[0], Buffer.from([random.below(256)]), kept[1]])
    case 1:
      return Buffer.concat(kept)
    default:
      return Buffer.concat([kept[0], bytes.subarray(at, at + 1), bytes.subarray(at)])
  }
}

const usual =
  'HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 30 Nov 2026 02:10:27 GMT\r\nContent-Type: text/plain\r\n' +
  'Content-Length: 5\r\nConnection: keep-alive\r\nETag: "a"\r\n\r\nhello'

test('the usual answer is read in one pass, and its lines go on as they are', () => {
  const bytes = Buffer.from(usual, 'latin1')
  const end = plain.read(bytes, 0, bytes.length, most)
  assert.equal(end, usual.length - 5)
  assert.equal(plain.body, 'hello')
  assert.equal(
    plain.fields,
    'Server: nginx\r\nDate: Mon, 30 Nov 2026 02:10:27 GMT\r\nContent-Type: text/plain\r\nETag: "a"\r\n',
  )
})

for (const [name, raw] of Object.entries({
  'one without a date': usual.replace('Date', 'Data'),
  'HTTP/1.0': usual.replace('1.1', '1.0'),
  'an interim one': usual.replace('200', '103'),
  'a change of the protocol': usual.replace('200', '101'),
  'a head that is not complete': usual.slice(0, 60),
  'a second length': usual.replace('ETag: "a"', 'Content-Length: 5'),
  'a length beside chunks': usual.replace('ETag: "a"', 'Transfer-Encoding: chunked'),
  'a second connection field': usual.replace('ETag: "a"', 'Connection: close'),
  'a connection field that names others': usual.replace('keep-alive', 'keep-alive, etag'),
  'fields of the connection': usual.replace('ETag: "a"', 'TE: trailers'),
  'trailers that are announced': usual.replace('ETag: "a"', 'Trailer: etag'),
  'an offer of another protocol': usual.replace('ETag: "a"', 'Upgrade: h2c'),
  'no space behind a colon': usual.replace('ETag: ', 'ETag:'),
  'two spaces behind a colon': usual.replace('ETag: ', 'ETag:  '),
  'a space behind a value': usual.replace('"a"', '"a" '),
  'a folded line': usual.replace('"a"', '"a"\r\n b'),
  'a bare line feed': usual.replace('"a"\r\n', '"a"\n'),
}))
  test(`somebody else reads ${name}`, () => {
    const bytes = Buffer.from(raw, 'latin1')
    assert.equal(plain.read(bytes, 0, bytes.length, most), isElsewhere)
  })

for (const seed of seeds)
  test(`what is read in one pass, the other reader understands in the same way: seed ${seed}`, (t) => {
    const random = new Random(seed)
    let taken = 0
    const count = 40_000
    for (let index = 0; index < count; index++) {
      const made = index % 2 === 0 ? Buffer.from(usual, 'latin1') : makeCase(seed, index).bytes
      let bytes = made
      for (let more = random.below(3); more > 0; more--) bytes = mutated(bytes, random)
      const seen = readPlain(bytes)
      if (seen === null) continue
      taken += 1
      assert.deepEqual(seen, readWhole(bytes), JSON.stringify(bytes.toString('latin1')))
    }
    t.diagnostic(`seed ${seed}: ${taken} of ${count} are taken`)
    assert.ok(taken > count * 0.2 && taken < count * 0.9)
  })
