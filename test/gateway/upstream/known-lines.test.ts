import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerHead, isBad } from '../../../src/gateway/upstream/answer-head.ts'
import { Random } from '../../lane/random.ts'
import { seeds } from '../../lane/seeds.ts'
import { makeCase } from './generate.ts'
import { endToEnd } from './llhttp.ts'
import { parse } from './parsed.ts'

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')

/** All that one head came to. */
const readWith = (head: AnswerHead, bytes: Buffer): object => {
  head.start()
  const end = head.read(bytes, 0, bytes.length)
  if (end === isBad) return { end, reason: head.reason }
  const { status, isOld, headers, length, isChunked, connection, upgrade } = head
  return { end, status, isOld, headers, length, isChunked, connection, upgrade }
}

let copies = 0

/** A copy of the module that has not seen any line. */
const freshHead = async (): Promise<AnswerHead> => {
  const url = new URL('../../../src/gateway/upstream/answer-head.js', import.meta.url)
  url.search = `?${++copies}`
  const fresh = (await import(url.href)) as { AnswerHead: typeof AnswerHead }
  return new fresh.AnswerHead()
}

for (const seed of seeds) {
  test(`lines that were seen before make no difference, in any order: seed ${seed}`, async () => {
    const made = Array.from({ length: 400 }, (_, index) => makeCase(seed, index))
    const cold: object[] = []
    for (const { bytes } of made) cold.push(readWith(await freshHead(), bytes))
    const head = new AnswerHead()
    const random = new Random(seed)
    const orders = [
      made.map((_, at) => at),
      made.map((_, at) => made.length - 1 - at),
      Array.from({ length: 4_000 }, () => random.below(made.length)),
    ]
    for (const order of orders)
      for (const at of order) {
        const seen = readWith(head, made[at]!.bytes)
        assert.deepEqual(seen, cold[at], made[at]!.bytes.toString('latin1'))
      }
  })
}

/** Lines that share a place: as long as each other, with the same ends, or prefixes of each other. */
const families: readonly (readonly string[])[] = [
  [
    'content-length: 4',
    'content-lengtH: 4',
    'content_length: 4',
    'content-length:14',
    'content-lengt:  4',
  ],
  [
    'connection: close',
    'connection: x-a,e',
    'connectiom: close',
    'connection:xclose',
    'connection_ close',
  ],
  [
    'x-a: 1',
    'x-b: 1',
    'x-a:\t1',
    'x-a:11',
    'x-a:  1',
    'x-a: 1 ',
    'x-a: 1\t',
    'x-a: 12',
    'x-a:1',
    'x:a: 1',
    'x:-: 1',
    'x-aa:1',
  ],
  [
    'transfer-encoding: chunked',
    'transfer-encoding: chunkid',
    'transfer-encoding:  hunked',
    'transfer-encodinG: chunked',
    'tranzfer-encoding: chunked',
  ],
  [
    'upgrade: websocket',
    'upgrade: websockat',
    'upgradE: websocket',
    'upgrade : websocket',
    'upgrade: ebsocket',
  ],
  [
    'set-cookie: a=1; b',
    'set-cookie: a=2; b',
    'set_cookie: a=1; b',
    'set-cookie: a\0; b',
    'set-cookie: a\n; b',
    'set-cookie: a\r; b',
  ],
  ['x-b: \xa0\xa0', 'x-b: \xa0 ', 'x-b:\xa0\xa0\xa0', 'x-b: \xc0\xa0', 'x-b: '],
]
const name = /^[!#$%&'*+.^_`|~\w-]+$/

/** The naive twin of a head of such lines: null where it is none. */
const twin = (status: number, lines: readonly string[]): string[] | null => {
  const raw: string[] = []
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon < 0 || !name.test(line.slice(0, colon))) return null
    // oxlint-disable-next-line no-control-regex -- that is what it looks for
    if (/[\0-\x08\n-\x1f\x7f]/.test(line)) return null
    raw.push(line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ''))
  }
  const of = (wanted: string): string[] =>
    raw.filter((_, at) => at % 2 === 1 && raw[at - 1]!.toLowerCase() === wanted)
  const [lengths, codings] = [of('content-length'), of('transfer-encoding')]
  if (lengths.length + codings.length > 1 || codings.some((coding) => coding !== 'chunked'))
    return null
  if (lengths.some((length) => !/^\d+$/.test(length))) return null
  return endToEnd(raw, status === 101)
}

test('lines that are like others are not taken for them', () => {
  const random = new Random(9)
  const head = new AnswerHead()
  let taken = 0
  const count = 60_000
  for (let at = 0; at < count; at++) {
    const family = random.pick(families)
    const lines = Array.from({ length: 1 + random.below(4) }, () =>
      random.pick(random.isIn(0.7) ? family : random.pick(families)),
    )
    const status = random.isIn(0.1) ? 101 : 200
    const text = `HTTP/1.1 ${status} OK\r\n${lines.join('\r\n')}\r\n\r\n`
    head.start()
    const isTaken = head.read(bytesOf(text), 0, text.length) === text.length
    if (isTaken) taken += 1
    assert.deepEqual(isTaken ? head.headers : null, twin(status, lines), JSON.stringify(text))
  }
  assert.ok(taken > count / 3 && taken < count * 0.9, String(taken))
})

test('what a head may say a trailer may not, whoever said it before', () => {
  const good = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-a: 1\r\n\r\nbody'
  const behind = (line: string): string =>
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${line}\r\n\r\n`
  for (let turn = 0; turn < 3; turn++) {
    assert.equal(parse([bytesOf(good)]).end, 'reusable')
    assert.equal(parse([bytesOf(behind('content-length: 4'))]).end, 'invalid')
    assert.equal(parse([bytesOf(behind('transfer-encoding: chunked'))]).end, 'invalid')
    assert.equal(parse([bytesOf(behind('x-a: 1'))]).end, 'reusable')
    assert.deepEqual(parse([bytesOf(behind('x-a: 1'))]).headers, [])
  }
})
