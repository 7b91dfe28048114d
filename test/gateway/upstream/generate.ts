import { mutate } from '../../lane/generate.ts'
import { Random } from '../../lane/random.ts'

/** Text of one byte a character, as all bytes are here. */
type Latin1 = string

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const tokens = `${letters}!#$%&'*+-.^_\`|~`
const printable = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('')
const bytes = Array.from({ length: 256 }, (_, at) => String.fromCharCode(at)).join('')
const obsText = bytes.slice(128)

const statuses = [
  200, 200, 200, 200, 201, 202, 206, 301, 302, 400, 401, 404, 418, 500, 502, 503, 599,
]
const bareStatuses = [204, 204, 205, 304, 304]
const oddStatuses = [
  '099',
  '100',
  '101',
  '199',
  '600',
  '999',
  '20',
  '2000',
  '2O0',
  '',
  ' 200',
  '200 ',
  '+20',
]
const reasons = [
  'OK',
  'OK',
  'OK',
  '',
  'Not Found',
  'caf\xe9',
  'a\tb',
  ' ',
  '200 OK',
  'HTTP/1.1 200 OK',
]
const oddReasons = ['\0', 'a\x01', '\x7f', 'a\rb', 'a\nb']
const versions = [
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1',
  'HTTP/11',
  'ICY',
  'RTSP/1.0',
  ' HTTP/1.1',
  'HTTP/1.1\t',
]

const names = [
  'Content-Type',
  'Set-Cookie',
  'set-cookie',
  'Date',
  'Server',
  'ETag',
  'Cache-Control',
  'Location',
  'Vary',
  'X-A',
  'x-b',
  'X',
  'Link',
  'Age',
  'Keep-Alive',
  'TE',
  'Trailer',
  'Proxy-Authenticate',
  'Upgrade',
  'x_under',
  '__proto__',
  'constructor',
  'content-lengt',
  'content-lengths',
  'ransfer-encoding',
  'Content_Length',
  'Transfer_Encoding',
  'connectio',
  'Content-MD5',
]
const oddNames = [
  '',
  ' ',
  'a b',
  'X ',
  ' X',
  'X\t',
  'X\0',
  'X\x7f',
  'caf\xe9',
  '(a)',
  '"a"',
  'a,b',
  'a/b',
  'X\r',
  '\tX',
  'a;b',
  '[a]',
]
const values = [
  'a',
  'text/html; charset=utf-8',
  'a=1; Path=/',
  'W/"abc"',
  'max-age=0',
  '',
  'close',
  'chunked',
  '5',
  '0',
  'a,b, c',
  'caf\xe9',
  '\xff\x80',
  'x:y',
  'HTTP/1.1 200 OK',
  'timeout=5',
  'trailers',
  'websocket',
  'h2c',
  '\xa0a\xa0',
  'a \t b',
  '"q"',
]
const oddValues = [
  'a\0b',
  '\x01',
  'a\x7f',
  'a\rb',
  'a\nb',
  'a\r\n b',
  'a\r\n\tb',
  'a\x0bb',
  '\x0c',
  '\x1b[0m',
  '\0',
]

const connections = [
  'keep-alive',
  'keep-alive',
  'Keep-Alive',
  'close',
  'close',
  'Close',
  'CLOSE',
  'x-a',
  'X-A, x-b',
  'close, x-a',
  'content-type',
  'set-cookie, x-b',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'keep-alive, x-a',
  '',
  ',',
  ', close',
  'close,',
  'x-a,close',
  'keep-alive, close',
  'close\t',
  'close x',
  '"close"',
  'closed',
  '\xa0close',
  'x-a\xa0',
  'clo se',
  'close;a',
  'te, trailer',
  'Date,Server,ETag',
]

const oddLengths = [
  '00',
  '-0',
  '+2',
  '-2',
  '0x2',
  '2,2',
  '2, 2',
  '2 2',
  'two',
  '',
  '2\t',
  '2;',
  '1e1',
  '2.0',
  '99999999',
  '2147483648',
  '4294967296',
  '4294967298',
  '9007199254740991',
  '9007199254740993',
  '18446744073709551615',
  '18446744073709551616',
  '999999999999999',
  '1000000000000000',
  '\xb2',
  '2\0',
  '000000000000002',
  '0000000000000002',
  '"2"',
  '2\x0b',
  '2_0',
  '1,000',
  '\xa02',
  '2\xa0',
]
const codings = [
  'Chunked',
  'CHUNKED',
  'gzip',
  'identity',
  'gzip, chunked',
  'chunked, gzip',
  'chunked, chunked',
  '',
  'xchunked',
  'chunked;a',
  '"chunked"',
  'chunked\0',
  'chunk',
  '\x0bchunked',
  ',chunked',
  'chunked,',
  'trailers',
  '\xa0chunked',
  'chunked\xa0',
  'chunked\t',
  '\tchunked',
]

const bodyWords = [
  'hi',
  'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc',
  '0\r\n\r\n',
  '\r\n',
  '{"a":1}',
  '\0\xff\n',
  '5\r\nhello\r\n0\r\n\r\n',
  'caf\xe9',
  '\r\n\r\n',
]
const junk = [
  '\r\n',
  '\n',
  '\0',
  'X',
  '0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1',
  'GET / HTTP/1.1\r\n\r\n',
]

const extensions = [';a', ';a=b', ';a="b c"', ';a;b=c', ';abc=def;x']
const oddExtensions = [
  ';',
  ';;',
  '; a',
  ';a ',
  ' ;a',
  ';a =b',
  ';a= b',
  ';=b',
  ';a=',
  ';a="',
  ';a="b',
  ';a="b\\"c"',
  ';a="b\r\n"',
  ';a\n',
  ';a\0',
  ';a\x7f',
  ';a\tb',
  ';caf\xe9',
  ';a="\xe9"',
  ';a=b=c',
  ';a,b',
  `;a=${'b'.repeat(253)}`,
  `;a=${'b'.repeat(254)}`,
  `;a=${'b'.repeat(255)}`,
  ' ',
  '\t',
  ';a="b"c',
  ';a="b";c',
  ';a="b\\',
]
const oddSizes = [
  '',
  '0x2',
  '+2',
  '-2',
  'g',
  ' 2',
  '2 ',
  '\t2',
  'fffffffff',
  '10000000000000',
  'ffffffffffffffff',
  '10000000000000002',
  '\xb2',
  '2\0',
  '0',
  '00',
]

const cased = (random: Random, text: string): string => {
  const kind = random.below(6)
  if (kind === 0) return text.toLowerCase()
  if (kind === 1) return text.toUpperCase()
  return text
}

const fieldLine = (random: Random, isOdd: boolean): string => {
  const isOddOne = isOdd && random.isIn(0.15)
  const name = isOddOne && random.isIn(0.5) ? random.pick(oddNames) : random.pick(names)
  let value = isOddOne && random.isIn(0.5) ? random.pick(oddValues) : random.pick(values)
  if (random.isIn(0.15)) value = random.text(printable, random.below(40)).trim()
  if (random.isIn(0.05)) value = random.text(obsText, random.below(10))
  if (random.isIn(0.002)) value = 'v'.repeat(random.pick([1_000, 8_000, 16_300, 17_000]))
  const before = random.pick([' ', ' ', ' ', ' ', '', '\t', '  ', ' \t '])
  const behind = random.isIn(0.1) ? random.pick([' ', '\t', '  \t']) : ''
  const full = random.isIn(0.05) ? random.text(tokens, 1 + random.below(20)) : cased(random, name)
  return `${full}:${before}${value}${behind}`
}

const bodyOf = (random: Random): Latin1 => {
  let body = ''
  const words = random.below(4)
  for (let at = 0; at < words; at++)
    body += random.isIn(0.7) ? random.pick(bodyWords) : random.text(bytes, random.below(30))
  if (random.isIn(0.005)) body += 'x'.repeat(random.pick([4_096, 16_384, 33_000]))
  return body
}

const trailerLines = (random: Random, isOdd: boolean): string => {
  let lines = ''
  const count = random.isIn(0.3) ? random.below(4) : 0
  for (let at = 0; at < count; at++) lines += `${fieldLine(random, isOdd)}\r\n`
  if (random.isIn(0.03))
    lines += `${random.pick(['Content-Length: 5', 'Content-Length: x', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip', 'Connection: close', 'Upgrade: h2c', 'Content-Length: 1\r\nContent-Length: 2'])}\r\n`
  return lines
}

/** A body in chunks, the trailer section with it. */
const chunksOf = (random: Random, body: Latin1, isOdd: boolean): Latin1 => {
  let text = ''
  let at = 0
  const strange = isOdd ? random.below(3) : -1
  for (let count = 0; at < body.length; count++) {
    const size = 1 + random.below(body.length - at)
    let said = size.toString(16)
    if (random.isIn(0.2)) said = said.toUpperCase()
    if (random.isIn(0.1)) said = `${'0'.repeat(random.below(14))}${said}`
    let extension = random.isIn(0.1) ? random.pick(extensions) : ''
    let end = '\r\n'
    if (count === strange) {
      const kind = random.below(4)
      if (kind === 0) said = random.pick(oddSizes)
      else if (kind === 1) extension = random.pick(oddExtensions)
      else if (kind === 2) said = (size + random.pick([-1, 1, 2])).toString(16)
      else end = random.pick(['\n', '\r', '', '\r\r\n', 'x\r\n', '\r\n\r\n'])
    }
    text += `${said}${extension}\r\n${body.slice(at, at + size)}${end}`
    at += size
  }
  const last = isOdd && random.isIn(0.1) ? random.pick(oddExtensions) : ''
  const zeros = random.isIn(0.1) ? '0'.repeat(random.below(14)) : ''
  return `${text}0${zeros}${last}\r\n${trailerLines(random, isOdd)}\r\n`
}

/** What says where the body ends, and the body. */
const framing = (random: Random, isOdd: boolean): [lines: string[], body: Latin1] => {
  const body = bodyOf(random)
  const blank = random.pick([' ', ' ', ' ', '', '\t'])
  const length = `${cased(random, 'Content-Length')}:${blank}${body.length}`
  const coding = `${cased(random, 'Transfer-Encoding')}:${blank}${random.pick(['chunked', 'chunked', 'Chunked'])}`
  if (isOdd && random.isIn(0.4)) {
    const kind = random.below(8)
    if (kind === 0) return [[`Content-Length:${blank}${random.pick(oddLengths)}`], body]
    if (kind === 1)
      return [[length, random.isIn(0.5) ? length : `Content-Length: ${body.length + 1}`], body]
    if (kind === 2) return [[length, coding], chunksOf(random, body, false)]
    if (kind === 3)
      return [[`Transfer-Encoding: ${random.pick(codings)}`], chunksOf(random, body, false)]
    if (kind === 4) return [[coding, coding], chunksOf(random, body, false)]
    if (kind === 5) return [[`Content-Length: ${'0'.repeat(random.below(14))}${body.length}`], body]
    if (kind === 6) return [[`Transfer-Encoding: ${random.pick(codings)}`, length], body]
    return [[length], body.slice(0, -1)]
  }
  const kind = random.below(10)
  if (kind < 4) return [[length], body]
  if (kind < 8) return [[coding], chunksOf(random, body, isOdd)]
  return [[], body]
}

const shuffled = (random: Random, lines: string[]): string[] => {
  for (let at = lines.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    const line = lines[at]!
    lines[at] = lines[other]!
    lines[other] = line
  }
  return lines
}

const headOf = (
  random: Random,
  status: number | string,
  lines: string[],
  isOdd: boolean,
): Latin1 => {
  const version =
    isOdd && random.isIn(0.1) ? random.pick(versions) : random.isIn(0.04) ? 'HTTP/1.0' : 'HTTP/1.1'
  const reason = isOdd && random.isIn(0.05) ? random.pick(oddReasons) : random.pick(reasons)
  const gap = isOdd && random.isIn(0.05) ? random.pick(['', '  ', '\t']) : ' '
  const count = random.isIn(0.005) ? 90 + random.below(20) : random.below(7)
  for (let at = 0; at < count; at++) lines.push(fieldLine(random, isOdd))
  if (random.isIn(0.15)) lines.push(`${cased(random, 'Connection')}: ${random.pick(connections)}`)
  if (random.isIn(0.02)) lines.push(`Proxy-Connection: ${random.pick(connections)}`)
  if (random.isIn(0.5)) shuffled(random, lines)
  return `${[`${version} ${status}${gap}${reason}`, ...lines].join('\r\n')}\r\n\r\n`
}

const informational = (random: Random, isOdd: boolean): Latin1 => {
  const status = random.pick([100, 100, 102, 103, 103, 199])
  const lines = random.isIn(0.5) ? ['Link: </a>; rel=preload'] : []
  if (random.isIn(0.05))
    lines.push(
      random.pick([
        'Content-Length: 0',
        'Content-Length: 5',
        'Transfer-Encoding: chunked',
        'Connection: close',
      ]),
    )
  return random.isIn(0.6)
    ? `HTTP/1.1 ${status} I\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`
    : headOf(random, status, lines, isOdd)
}

const switching = (random: Random, isOdd: boolean): Latin1 => {
  const lines = [
    `Upgrade: ${random.pick(['websocket', 'websocket', 'WebSocket', 'h2c, websocket', 'h2c', ''])}`,
  ]
  lines.push(
    `Connection: ${random.pick(['Upgrade', 'upgrade', 'keep-alive, Upgrade', 'Upgrade, close', 'close', 'upgrade\xa0', '\xa0upgrade', 'upgrade\t'])}`,
  )
  if (random.isIn(0.1))
    lines.push(
      random.pick(['Content-Length: 0', 'Content-Length: 2', 'Transfer-Encoding: chunked']),
    )
  return headOf(random, 101, lines, isOdd) + bodyOf(random)
}

export interface MadeAnswer {
  readonly bytes: Buffer
  /** What was asked. */
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly upgrade: 'websocket' | null
}

const makeAnswer = (random: Random, upgrade: string | null, isOdd: boolean): Latin1 => {
  let text = ''
  if (random.isIn(0.12)) {
    const count = random.isIn(0.03) ? 9 + random.below(3) : 1 + random.below(2)
    for (let at = 0; at < count; at++) text += informational(random, isOdd)
  }
  if (random.isIn(upgrade === null ? 0.005 : 0.6)) return text + switching(random, isOdd)
  const [lines, body] = framing(random, isOdd)
  const isBare = random.isIn(0.1)
  const usual = random.pick(isBare ? bareStatuses : statuses)
  const status = isOdd && random.isIn(0.1) ? random.pick(oddStatuses) : usual
  text += headOf(random, status, lines, isOdd)
  if (!isBare || random.isIn(0.2)) text += body
  return text
}

/** One answer by its number, perhaps with others before it and junk behind it. */
export function makeCase(seed: number, index: number): MadeAnswer {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
  for (let at = 0; at < 3; at++) random.next()
  const kind = random.pick(['plain', 'plain', 'plain', 'odd', 'mutated'] as const)
  const upgrade = random.isIn(0.05) ? 'websocket' : null
  const method =
    upgrade === null
      ? random.pick(['GET', 'GET', 'GET', 'GET', 'GET', 'POST', 'HEAD'] as const)
      : 'GET'
  let text = makeAnswer(random, upgrade, kind === 'odd')
  if (method === 'HEAD' && random.isIn(0.8)) text = text.slice(0, text.lastIndexOf('\r\n\r\n') + 4)
  if (kind === 'mutated') {
    text = mutate(random, text)
    while (random.isIn(0.2)) text = mutate(random, text)
  }
  if (random.isIn(0.04)) text += random.pick(junk)
  return { bytes: Buffer.from(text, 'latin1'), method, upgrade }
}
