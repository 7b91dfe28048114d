import { Random } from './random.ts'

/** Text of one byte a character, as all bytes are here. */
type Latin1 = string

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const tokens = `${letters}!#$%&'*+-.^\`|~`
const printable = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('')
const bytes = Array.from({ length: 256 }, (_, at) => String.fromCharCode(at)).join('')

const methods = ['GET', 'GET', 'GET', 'GET', 'POST', 'POST', 'POST', 'PUT', 'DELETE', 'PATCH']
const bareMethods = ['HEAD', 'HEAD', 'OPTIONS']
const oddMethods = [
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'MKCOL',
  'QUERY',
  'PRI',
  'get',
  'Get',
  'FOO',
  'GE',
  'GETT',
  'M-SEARCH',
  '',
  ' GET',
  'GET\t',
  'SOURCE',
  'POST_',
  'DESCRIBE',
  'PURGE',
  'LINK',
]

/** Routes that the servers of the tests know. */
export const paths: readonly string[] = [
  '/echo',
  '/echo',
  '/echo',
  '/field',
  '/body',
  '/body',
  '/body',
  '/unread',
  '/bytes',
  '/none',
  '/unchanged',
  '/stream',
  '/sized',
  '/web',
  '/throws',
  '/late-throw',
  '/later',
  '/cookies',
  '/web-body',
  '/nowhere',
  '/large',
]
const oddTargets = [
  '*',
  '',
  '//',
  '//a.test/b',
  '/a b',
  '/a\tb',
  '/a#b',
  '/a?b#c',
  '/a\\b',
  '/?a=\\',
  'a',
  'a/b',
  'http://a.test/echo',
  'HTTP://A.TEST/echo',
  'http://b.test/echo',
  'https://a.test:443/echo',
  'http://u@a.test/',
  'ftp://a.test/',
  '/\x00',
  '/\x7f',
  '/caf\xe9',
  '/\xff',
  '/%',
  '/%zz',
  '/%00',
  '/%2f%2F',
  '/{a}',
  '/a|b',
  '/a^b`',
  '/"a"',
  '/<a>',
  '/[a]',
  '/;a=b',
  '/../..',
  '/./a',
  '/a/../b',
  '/echo/',
  '/echo%20',
  '/%65cho',
  '?a',
  '/echo?',
  '/echo??a',
  '/echo?a=b&c=d;e',
  '/echo?/../',
]

const hosts = [
  'a.test',
  'a.test',
  'a.test',
  'a',
  'A.test:80',
  '127.0.0.1:8080',
  '[::1]:80',
  'a-b.test.',
]
const oddHosts = [
  '',
  ' ',
  'my_service',
  'a.test:',
  'a.test:0',
  'a.test:65535',
  'a.test:65536',
  'a.test, b.test',
  'u@a.test',
  'a.test/b',
  'a b',
  'a\\b',
  'a..b',
  '.a',
  '[::1',
  '[a]',
  '%61',
  'a%zz',
  '"a"',
  'xn--a',
  '1',
  '1.2.3',
  '0x7f.1',
  '999.1.1.1',
  'a.test:80:80',
  ':80',
  'a;b',
  'caf\xe9',
  'a\x00',
  'a?b',
  'a#b',
  '_',
  '-a',
  'a_',
  'a~b',
  '1e3',
  '[::ffff:1.2.3.4]',
  '[1.2.3.4]',
  '[:::]',
  '08.1.1.1',
  'a.test.:80',
]

const names = [
  'Accept',
  'User-Agent',
  'Cookie',
  'Cookie',
  'Authorization',
  'Referer',
  'Content-Type',
  'ETag',
  'Accept-Encoding',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'Forwarded',
  'Via',
  'Range',
  'Age',
  'If-None-Match',
  'If-Modified-Since',
  'Set-Cookie',
  'Cache-Control',
  'Max-Forwards',
  'From',
  'Origin',
  'Pragma',
  'X-A',
  'x-a',
  'X',
  'a',
  'Hosts',
  'Hos',
  'Content-Lengt',
  'Content-Length2',
  'Keep-Alive',
  'Proxy-Connection',
  'TE',
  'Trailer',
  'constructor',
  'Retry-After',
  'Server',
  'Date',
  'Connectio',
  'xConnection',
  'Location',
  'Expires',
  'Last-Modified',
  'Content-Lengths',
]
const oddNames = [
  'X_A',
  '__proto__',
  'Content_Length',
  'X A',
  'X-A ',
  ' X-A',
  '\tX',
  'X(A)',
  'X\x00',
  'caf\xe9',
  '',
  'Transfer_Encoding',
  'X-A\r',
  'Content-Length\x00',
  'Host ',
  'host\t',
  'X"',
  'X/',
  'X@',
  'X=',
  'X[',
  '{',
]

const values = [
  'b',
  '',
  'text/html;q=0.8, */*',
  'a=1; b=2',
  'a=3',
  '"quoted, here"',
  '10.0.0.1, 192.0.2.7',
]
const oddValues = [
  '\x00',
  'a\x00b',
  'a\rb',
  'a\nb',
  'a\r\n b',
  'a\r\n\tb',
  '\x0b',
  'a\x7f',
  'caf\xe9',
  '\xff\xfe',
  '\x1b[0m',
  'a\r',
  '\x80',
  'a\x01b',
  '\xa0b',
  '\x85',
]

const connections = [
  'keep-alive',
  'keep-alive',
  'Keep-Alive',
  'KEEP-ALIVE',
  'close',
  'Close',
  'CLOSE',
]
const oddConnections = [
  '',
  ',',
  'close, te',
  'te, close',
  'keep-alive, close',
  'close,keep-alive',
  'Upgrade',
  'x',
  'closed',
  'keep-alive, Upgrade',
  'keep-alive\t',
  'close ',
  '"close"',
  'Content-Length',
  'host',
  'keepalive',
  'keep-alive, keep-alive',
  'close;',
  'keep -alive',
  'clos\xe9',
  ',close',
  'HTTP2-Settings, Upgrade',
]

const oddLengths = [
  '00',
  '0',
  '-0',
  '+2',
  '-2',
  '0x2',
  '2,2',
  '2, 2',
  '2 2',
  'two',
  '',
  ' ',
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
  '2\x00',
  '0000000000000002',
  '000000000000002',
  '"2"',
  '2\r',
  "2'",
  '2_0',
  '\x0b2',
  '1,000',
]

const codings = [
  'chunked',
  'Chunked',
  'gzip',
  'identity',
  'gzip, chunked',
  'chunked, chunked',
  '',
  ' chunked',
  'xchunked',
  'chunked;a',
  '"chunked"',
  'chunked\x00',
  'chunk',
  '\x0bchunked',
  'chunked ',
  'trailers',
]

const versions = [
  '1.0',
  '1.0',
  '2.0',
  '0.9',
  '1.2',
  '1.10',
  '1',
  '11',
  '1.1 ',
  '1,1',
  '01.1',
  '3.0',
  '1.\xb9',
]

const bodyWords = [
  'hi',
  'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n',
  '0\r\n\r\n',
  '\r\n',
  '{"a":1}',
  '\x00\xff\n',
  '5\r\nhello\r\n0\r\n\r\n',
  'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc',
]

const cased = (random: Random, text: string): string => {
  const kind = random.below(8)
  if (kind === 0) return text.toLowerCase()
  if (kind === 1) return text.toUpperCase()
  return text
}

const targetOf = (random: Random, isOdd: boolean): string => {
  if (isOdd && random.isIn(0.25)) return random.pick(oddTargets)
  let target = random.isIn(0.9) ? random.pick(paths) : `/${random.text(letters, random.below(20))}`
  if (random.isIn(0.1)) target += `/${random.text(`${letters}-._~!$&'()*+,;=:@`, random.below(12))}`
  if (random.isIn(0.1)) target += random.pick(['/', '/.', '/..', '//', '%20', '/%2e%2E', '/%41'])
  if (random.isIn(0.3))
    target += `?${random.text(`${letters}-._~!$&'()*+,;=:@/?%`, random.below(30))}`
  if (random.isIn(0.003)) target += 'a'.repeat(8_170 + random.below(60))
  return target
}

const hostLines = (random: Random, isOdd: boolean): string[] => {
  const name = cased(random, 'Host')
  const line = `${name}: ${isOdd && random.isIn(0.25) ? random.pick(oddHosts) : random.pick(hosts)}`
  if (!isOdd || random.isIn(0.9)) return [line]
  return random.pick([[], [line, line], [line, `host: ${random.pick(hosts)}`]])
}

const fieldLine = (random: Random, isOdd: boolean): string => {
  const isOddOne = isOdd && random.isIn(0.1)
  const name = isOddOne && random.isIn(0.5) ? random.pick(oddNames) : random.pick(names)
  let value = isOddOne && random.isIn(0.5) ? random.pick(oddValues) : random.pick(values)
  if (random.isIn(0.15)) value = random.text(printable, random.below(40)).trim()
  if (random.isIn(0.05)) value = `${value}\t${random.pick(values)}`
  if (random.isIn(0.002)) value = 'v'.repeat(random.pick([1_000, 8_000, 16_300, 17_000]))
  const before = random.pick([' ', ' ', ' ', ' ', '', '\t', '  ', ' \t '])
  const behind = random.isIn(0.1) ? random.pick([' ', '\t', '  \t']) : ''
  const full = random.isIn(0.05) ? random.text(tokens, 1 + random.below(20)) : cased(random, name)
  return `${full}:${before}${value}${behind}`
}

/** Says where the body ends, and gives it. */
const framing = (
  random: Random,
  hasBody: boolean,
  isOdd: boolean,
): [lines: string[], body: Latin1] => {
  let body = ''
  if (hasBody) {
    const words = random.below(4)
    for (let at = 0; at < words; at++)
      body += random.isIn(0.7) ? random.pick(bodyWords) : random.text(bytes, random.below(30))
    if (random.isIn(0.01)) body += 'x'.repeat(random.pick([4_096, 16_384, 66_000]))
  }
  const name = cased(random, 'Content-Length')
  const blank = random.pick([' ', ' ', ' ', '', '\t'])
  const plain = `${name}:${blank}${body.length}`
  if (isOdd && random.isIn(0.3)) {
    const kind = random.below(6)
    if (kind === 0) return [[`${name}: ${random.pick(oddLengths)}`], body]
    if (kind === 1) return [[plain, random.isIn(0.5) ? plain : `${name}: ${body.length + 1}`], body]
    if (kind === 2) return [[plain, `Transfer-Encoding: ${random.pick(codings)}`], body]
    const chunked = `${body.length === 0 ? '' : `${body.length.toString(16)}\r\n${body}\r\n`}0\r\n\r\n`
    if (kind === 3) return [[`Transfer-Encoding: ${random.pick(codings)}`], chunked]
    if (kind === 4) return [['Transfer-Encoding: chunked'], chunked]
    return [[`${name}: ${'0'.repeat(random.below(14))}${body.length}`], body]
  }
  if (body === '' && random.isIn(0.7)) return [[], '']
  return [[plain], body]
}

const connectionLines = (random: Random, isOdd: boolean): string[] => {
  if (isOdd && random.isIn(0.2)) {
    const line = `Connection: ${random.pick(oddConnections)}`
    if (random.isIn(0.8)) return [line]
    return [line, `Connection: ${random.pick(connections)}`]
  }
  if (random.isIn(0.8)) return []
  return [`${cased(random, 'Connection')}: ${random.pick(connections)}`]
}

const oddLines = [
  'Expect: 100-continue',
  'Expect: tea',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'HTTP2-Settings: AAA',
  'Proxy-Connection: close',
  'proxy-connection: keep-alive',
  'PROXY-CONNECTION: x',
  'Trailer: host',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding:',
  'Content-Length: 5',
  'no colon',
  ':',
  ': b',
  '',
]

const shuffled = (random: Random, lines: string[]): string[] => {
  for (let at = lines.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    const line = lines[at]!
    lines[at] = lines[other]!
    lines[other] = line
  }
  return lines
}

/** One request by the grammar; an odd one has, mostly, one thing in it that is out of the ordinary. */
export function makeRequest(random: Random, isOdd: boolean): Latin1 {
  const hasBody = random.isIn(0.35)
  const usual = hasBody || random.isIn(0.85) ? random.pick(methods) : random.pick(bareMethods)
  const method = isOdd && random.isIn(0.1) ? random.pick(oddMethods) : usual
  const version = isOdd && random.isIn(0.1) ? random.pick(versions) : '1.1'
  const [frame, body] = framing(random, hasBody, isOdd)
  const lines = [...hostLines(random, isOdd), ...frame, ...connectionLines(random, isOdd)]
  const count = random.isIn(0.005) ? 90 + random.below(20) : random.below(7)
  for (let at = 0; at < count; at++) lines.push(fieldLine(random, isOdd))
  if (isOdd && random.isIn(0.1)) lines.push(random.pick(oddLines))
  if (random.isIn(0.5)) shuffled(random, lines)
  return `${[`${method} ${targetOf(random, isOdd)} HTTP/${version}`, ...lines].join('\r\n')}\r\n\r\n${body}`
}

type Mutator = (random: Random, text: Latin1) => Latin1

const put = (text: Latin1, at: number, length: number, other: Latin1): Latin1 =>
  text.slice(0, at) + other + text.slice(at + length)

/** Somewhere, more often in the head than behind it. */
const place = (random: Random, text: Latin1): number => {
  const head = text.indexOf('\r\n\r\n') + 4
  return random.below(head > 4 && random.isIn(0.85) ? head : text.length + 1)
}

const onLines =
  (change: (random: Random, lines: string[], at: number) => void): Mutator =>
  (random, text) => {
    const lines = text.split('\r\n')
    change(random, lines, random.below(Math.max(1, lines.length - 2)))
    return lines.join('\r\n')
  }

const insertions = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  '\t',
  ' ',
  ':',
  ',',
  ';',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x80',
  '\xff',
  '\xa0',
  '_',
  '\r\n ',
  '\r\n\t',
  '\r\r\n',
  '\n\n',
  '\r\n\r\n',
  'Content-Length: 1\r\n',
  '\r\nHost: b',
  '  ',
  '"',
  '#',
  '\\',
]

const mutators: readonly Mutator[] = [
  (random, text) => {
    const at = place(random, text)
    const code = (text.charCodeAt(at) || 0) ^ (1 << random.below(8))
    return put(text, at, 1, String.fromCharCode(code))
  },
  (random, text) => put(text, place(random, text), 1, bytes.charAt(random.below(256))),
  (random, text) => put(text, place(random, text), 0, random.pick(insertions)),
  (random, text) => put(text, place(random, text), 1 + random.below(3), ''),
  (random, text) => {
    const at = place(random, text)
    return put(text, at, 0, text.slice(at, at + 1 + random.below(12)))
  },
  (random, text) => {
    const at = place(random, text)
    const one = text.charAt(at)
    return put(text, at, 1, one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase())
  },
  onLines((random, lines, at) => void lines.splice(at, 0, lines[random.below(lines.length)]!)),
  onLines((_, lines, at) => void lines.splice(at, 1)),
  onLines((random, lines, at) => {
    const other = random.below(lines.length)
    const line = lines[at]!
    lines[at] = lines[other]!
    lines[other] = line
  }),
  onLines((random, lines, at) => {
    lines[at] = random.pick([' ', '\t']) + lines[at]!
  }),
  onLines((random, lines, at) => {
    lines[at] = lines[at]!.replace(':', random.pick([' :', '\t:', '', '::', ':\r', ':\n', ': \0']))
  }),
  onLines((random, lines, at) => {
    lines[at] += random.pick([' ', '\t', '\r', '\n', '\0', ',', ', close', ', 1', '\x0b'])
  }),
  (random, text) => {
    // One end of a line.
    const ends = [...text.matchAll(/\r\n/g)]
    if (ends.length === 0) return text
    return put(text, random.pick(ends).index, 2, random.pick(['\n', '\r', '\r\r\n', '\n\r', '']))
  },
  (random, text) =>
    text.replace(/\d+/g, (digits) =>
      random.isIn(0.2)
        ? random.pick([`${digits}0`, `0${digits}`, '0', `${Number(digits) + 1}`])
        : digits,
    ),
  (random, text) => text.slice(0, place(random, text)),
  (random, text) => random.pick(['\r\n', '\n', '\r', ' ', '\0', '\xef\xbb\xbf', '\r\n\r\n']) + text,
  (random, text) => text.replace('\r\n', `\r\n${'A: b\r\n'.repeat(90 + random.below(20))}`),
]

export const mutate: Mutator = (random, text) => random.pick(mutators)(random, text)

export interface Case {
  readonly bytes: Buffer
  /** What made it. */
  readonly kind: 'plain' | 'odd' | 'mutated'
}

/** One case by its number: one to four requests behind each other, of which at most one is out of the ordinary. */
export function makeCase(seed: number, index: number): Case {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
  for (let at = 0; at < 3; at++) random.next()
  const kind = random.pick(['plain', 'plain', 'odd', 'mutated', 'mutated'] as const)
  const count = random.isIn(0.6) ? 1 : 2 + random.below(3)
  const strange = random.below(count)
  let text = ''
  for (let at = 0; at < count; at++) {
    let one = makeRequest(random, kind === 'odd' && at === strange)
    if (kind === 'mutated' && at === strange) {
      one = mutate(random, one)
      while (random.isIn(0.2)) one = mutate(random, one)
    }
    text += one
  }
  return { bytes: Buffer.from(text, 'latin1'), kind }
}
