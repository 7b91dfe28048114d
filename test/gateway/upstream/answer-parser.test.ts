import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { answers } from './answers.ts'
import { outcome, parse, type Parsed } from './parsed.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Cut at the given places. */
const cut = (whole: Buffer, places: readonly number[]): Buffer[] => {
  const sorted = [0, ...places.filter((at) => at < whole.length).sort((a, b) => a - b)]
  return sorted
    .map((at, index) => whole.subarray(at, sorted[index + 1] ?? whole.length))
    .filter((piece) => piece.length > 0)
}

test('every answer is read as the table says, or refused', () => {
  const names = new Set(answers.map(({ name }) => name))
  assert.equal(names.size, answers.length)
  assert.ok(answers.length >= 100, String(answers.length))
  for (const { name, raw, expected, ...asked } of answers) {
    const parsed = parse([bytes(raw)], asked)
    const seen = Object.fromEntries(
      Object.keys(expected).map((key) => [key, parsed[key as keyof Parsed]]),
    )
    assert.deepEqual(seen, expected, name)
  }
})

test('how the bytes are cut makes no difference', () => {
  for (const { name, raw, expected: _, ...asked } of answers) {
    const whole = bytes(raw)
    const expected = outcome(parse([whole], asked))
    const single = Array.from(whole, (_, at) => whole.subarray(at, at + 1))
    assert.deepEqual(outcome(parse(single, asked)), expected, `${name}, byte by byte`)
    if (whole.length > 600) continue
    for (let at = 1; at < whole.length; at++) {
      const pieces = [whole.subarray(0, at), whole.subarray(at)]
      assert.deepEqual(outcome(parse(pieces, asked)), expected, `${name}, cut at ${at}`)
    }
  }
})

const sizeLine =
  /^([\da-f]{1,13})(?:;[!#$%&'*+.^_`|~\w-]+(?:=(?:[!#$%&'*+.^_`|~\w-]+|"[\t !#-[\]-~\x80-\xff]*"))?)*\r\n/i

/** The naive twin: all of it at once, by regular expressions. Only of answers to GET without 1xx. */
const twin = (raw: string): Partial<Parsed> => {
  const invalid = { end: 'invalid' } as const
  const head =
    /^HTTP\/1\.([01]) ([2-5]\d\d) [\t -~\x80-\xff]*\r\n((?:[!#$%&'*+.^`|~\w-]+:[\t -~\x80-\xff]*\r\n)*)\r\n/.exec(
      raw,
    )
  if (head === null) return invalid
  const isOld = head[1] === '0'
  const status = Number(head[2])
  const fields = head[3]!
    .split('\r\n')
    .slice(0, -1)
    .map((line) => /^([^:]*):[\t ]*(.*?)[\t ]*$/.exec(line)!)
    .map(([, name, value]) => [name!.toLowerCase(), value!] as const)
  const of = (wanted: string): string[] =>
    fields.filter(([name]) => name === wanted).map(([, value]) => value)
  const lengths = of('content-length')
  const codings = of('transfer-encoding')
  const headers = fields
    .filter(([name]) => !plain.has(name) && !/^(?:content-length|transfer-encoding)$/.test(name))
    .flat()
  if (lengths.length > 1 || codings.length > 1 || lengths.length + codings.length > 1)
    return invalid
  if (lengths.some((length) => !/^\d{1,15}$/.test(length))) return invalid
  if (codings.some((coding) => isOld || coding.toLowerCase() !== 'chunked')) return invalid
  const rest = raw.slice(head[0].length)
  const common = { informational: [], status, headers }
  const ending = (used: number): Parsed['end'] =>
    used === rest.length && !isOld ? 'reusable' : 'last'
  if (status === 204 || status === 304) {
    const length = status === 204 ? 0 : lengths.length === 1 ? Number(lengths[0]) : null
    return { ...common, length, body: '', end: ending(0) }
  }
  if (codings.length === 1) {
    let body = ''
    let left = rest
    for (;;) {
      const size = sizeLine.exec(left)
      if (size === null) return invalid
      left = left.slice(size[0].length)
      const length = Number.parseInt(size[1]!, 16)
      if (length === 0) break
      body += left.slice(0, length)
      if (left.slice(length, length + 2) !== '\r\n') return invalid
      left = left.slice(length + 2)
    }
    const trailer = /^(?:[!#$%&'*+.^`|~\w-]+:[\t -~\x80-\xff]*\r\n)*\r\n/.exec(left)
    if (trailer === null) return invalid
    return {
      ...common,
      length: null,
      body,
      end: ending(rest.length - left.length + trailer[0].length),
    }
  }
  if (lengths.length === 0) return { ...common, length: null, body: rest, end: 'last' }
  const length = Number(lengths[0])
  if (rest.length < length) return { end: 'cut' }
  return { ...common, length, body: rest.slice(0, length), end: ending(length) }
}

const every = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))
const textOf = (allowed: RegExp, minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...every.filter((char) => allowed.test(char))), { minLength, maxLength })
    .map((chars) => chars.join(''))
const token = textOf(/[!#$%&'*+.^`|~\w-]/, 1, 8)
const value = textOf(/[\t -~\x80-\xff]/, 0, 12)
const text = textOf(/[^]/, 0, 40)
const plain = new Set(['connection', 'keep-alive', 'te', 'trailer', 'upgrade', 'proxy-connection'])
const fieldLines = fc.array(fc.tuple(token, value), { maxLength: 6 }).map((list) =>
  list
    .filter(([name]) => !plain.has(name.toLowerCase()))
    .map(([name, of]) => `${name}:${of}\r\n`)
    .join(''),
)
const chunks = fc.tuple(fc.array(text), fieldLines).map(
  ([parts, trailer]) =>
    `${parts
      .filter((part) => part !== '')
      .map((part) => `${part.length.toString(16)};e\r\n${part}\r\n`)
      .join('')}0\r\n${trailer}\r\n`,
)
const answer = fc.oneof(
  fc
    .tuple(fc.integer({ min: 200, max: 599 }), fieldLines, text)
    .map(
      ([status, lines, body]) =>
        `HTTP/1.1 ${status} x\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`,
    ),
  fc
    .tuple(fc.integer({ min: 200, max: 599 }), fieldLines, chunks)
    .map(
      ([status, lines, body]) =>
        `HTTP/1.1 ${status} x\r\n${lines}transfer-encoding: chunked\r\n\r\n${body}`,
    ),
)
/** At most one byte is something else than it was. */
const broken = fc
  .tuple(answer, fc.option(fc.tuple(fc.nat(), fc.constantFrom(0, 10, 13, 32, 58, 48, 102))))
  .map(([whole, change]) => {
    if (change === null) return whole
    const [at, code] = change
    const place = at % whole.length
    return whole.slice(0, place) + String.fromCharCode(code) + whole.slice(place + 1)
  })

test('whatever comes is read as the naive twin reads it, however it is cut', () => {
  fc.assert(
    fc.property(broken, fc.array(fc.nat(400), { maxLength: 6 }), (raw, places) => {
      const expected = twin(raw)
      const parsed = outcome(parse(cut(bytes(raw), places), { isClosed: true }))
      // Of a head or chunk that is not complete, the twin knows only that it is none.
      if (parsed.end === 'cut') assert.match(expected.end!, /^(?:cut|invalid)$/)
      else assert.deepEqual(parsed, expected)
    }),
    { numRuns: 5_000 },
  )
})
