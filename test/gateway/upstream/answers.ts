import type { Parsed } from './parsed.ts'

/** A raw answer and what is read of it. */
export interface Answer {
  readonly name: string
  readonly raw: string
  readonly expected: Partial<Parsed>
  readonly method?: string
  readonly upgrade?: string
  readonly isClosed?: boolean
}

type More = Pick<Answer, 'method' | 'upgrade' | 'isClosed'>

const good = (name: string, raw: string, expected: Partial<Parsed>, more: More = {}): Answer => ({
  name,
  raw,
  expected: { end: 'reusable', ...expected },
  ...more,
})
const bad = (name: string, raw: string, more: More = {}): Answer => ({
  name,
  raw,
  expected: { end: 'invalid' },
  ...more,
})

const ok = 'HTTP/1.1 200 OK\r\n'
const sized = `${ok}content-length: 2\r\n\r\nhi`
const chunked = `${ok}transfer-encoding: chunked\r\n\r\n`
const upgrading = 'HTTP/1.1 101 S\r\nupgrade: websocket\r\nconnection: Upgrade\r\n'
const fields = (count: number): string =>
  Array.from({ length: count }, (_, at) => `x-${at}: ${at}\r\n`).join('')

/** Answers as they are, and as they must not be. */
export const answers: readonly Answer[] = [
  good('a length', sized, { status: 200, length: 2, body: 'hi', headers: [] }),
  good('no reason', 'HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n', { status: 200, length: 0 }),
  good('reason of obs-text', 'HTTP/1.1 404 \xfc\tx\r\ncontent-length: 0\r\n\r\n', { status: 404 }),
  good('status 599', 'HTTP/1.1 599 x\r\ncontent-length: 0\r\n\r\n', { status: 599 }),
  good('names in lower case', `${ok}X-A: B\r\ncontent-length: 0\r\n\r\n`, {
    headers: ['x-a', 'B'],
  }),
  good('blanks around a value', `${ok}a: \t b c \t\r\ncontent-length:0\r\n\r\n`, {
    headers: ['a', 'b c'],
  }),
  good('an empty value', `${ok}a:\r\nb: \t\r\ncontent-length: 0\r\n\r\n`, {
    headers: ['a', '', 'b', ''],
  }),
  good('a value of obs-text', `${ok}a: \xff\r\ncontent-length: 0\r\n\r\n`, {
    headers: ['a', '\xff'],
  }),
  good('names of objects', `${ok}__proto__: 1\r\nconstructor: 2\r\ncontent-length: 0\r\n\r\n`, {
    headers: ['__proto__', '1', 'constructor', '2'],
  }),
  good('fields of one name', `${ok}set-cookie: a\r\nset-cookie: b\r\ncontent-length: 0\r\n\r\n`, {
    headers: ['set-cookie', 'a', 'set-cookie', 'b'],
  }),
  good('100 fields', `${ok}${fields(99)}content-length: 0\r\n\r\n`, { status: 200 }),
  good('chunks', `${chunked}3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n`, {
    length: null,
    body: 'abc0123456789',
  }),
  good('no chunk but the last', `${chunked}0\r\n\r\n`, { body: '' }),
  good('zeros before a size', `${chunked}0002\r\nhi\r\n000\r\n\r\n`, { body: 'hi' }),
  good('extensions of chunks', `${chunked}2;a=b;c="d e"\r\nhi\r\n0;x\r\n\r\n`, { body: 'hi' }),
  good('trailers, dropped', `${chunked}2\r\nhi\r\n0\r\na: b\r\nContent-Type: c\r\n\r\n`, {
    body: 'hi',
    headers: [],
  }),
  good('lines within data', `${chunked}8\r\n\r\n0\r\n\r\n\r\r\n0\r\n\r\n`, {
    body: '\r\n0\r\n\r\n\r',
  }),
  good('coding in upper case', `${ok}Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n`, { body: '' }),
  good('204 with a length', 'HTTP/1.1 204 N\r\ncontent-length: 5\r\n\r\n', {
    status: 204,
    length: 0,
    body: '',
  }),
  good('304 with a length', 'HTTP/1.1 304 N\r\ncontent-length: 5\r\netag: "a"\r\n\r\n', {
    length: 5,
    body: '',
    headers: ['etag', '"a"'],
  }),
  good('304 of chunks', 'HTTP/1.1 304 N\r\ntransfer-encoding: chunked\r\n\r\n', { body: '' }),
  good(
    'HEAD with a length',
    `${ok}content-length: 99\r\n\r\n`,
    { length: 99, body: '' },
    { method: 'HEAD' },
  ),
  good('HEAD without a length', `${ok}\r\n`, { length: null, body: '' }, { method: 'HEAD' }),
  good(
    'HEAD of chunks',
    `${ok}transfer-encoding: chunked\r\n\r\n`,
    { body: '' },
    { method: 'HEAD' },
  ),
  good('a body up to the close', `${ok}\r\nabc`, { end: 'last', body: 'abc' }, { isClosed: true }),
  good('no body up to the close', `${ok}\r\n`, { end: 'last', body: '' }, { isClosed: true }),
  good('the close has not come', `${ok}\r\nabc`, { end: 'open', body: 'abc' }),
  good('HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi', { end: 'last', body: 'hi' }),
  good('connection: close', `${ok}connection: Close\r\ncontent-length: 0\r\n\r\n`, { end: 'last' }),
  good(
    'connection: keep-alive',
    `${ok}connection: keep-alive\r\nkeep-alive: 5\r\n${sized.slice(17)}`,
    {
      headers: [],
      body: 'hi',
    },
  ),
  good(
    'fields of the connection',
    `${ok}Connection: X-Gone, close\r\nx-gone: 1\r\nx-here: 2\r\nTE: a\r\nproxy-connection: b\r\nupgrade: h2c\r\ntrailer: d\r\nproxy-authenticate: e\r\ncontent-length: 0\r\n\r\n`,
    { headers: ['x-here', '2', 'proxy-authenticate', 'e'], end: 'last' },
  ),
  good(
    'connection names what it may not',
    `${ok}connection: content-type, set-cookie, content-length\r\ncontent-type: a/b\r\nset-cookie: c\r\ncontent-length: 2\r\n\r\nhi`,
    { headers: ['content-type', 'a/b', 'set-cookie', 'c'], length: 2, body: 'hi' },
  ),
  good('bytes behind a length', `${sized}X`, { end: 'last', body: 'hi' }),
  good('an answer behind an answer', `${sized}${sized}`, { end: 'last', body: 'hi' }),
  good('bytes behind chunks', `${chunked}0\r\n\r\nX`, { end: 'last' }),
  good('a body of 204', `HTTP/1.1 204 N\r\ncontent-length: 2\r\n\r\nhi`, { end: 'last', body: '' }),
  good('a body of HEAD', sized, { end: 'last', length: 2, body: '' }, { method: 'HEAD' }),
  good('100 is swallowed', `HTTP/1.1 100 C\r\n\r\n${sized}`, { informational: [], body: 'hi' }),
  good(
    'informational answers',
    `HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nlink: a\r\nlink: b\r\n\r\n${sized}`,
    {
      informational: [
        [102, []],
        [103, ['link', 'a', 'link', 'b']],
      ],
      headers: [],
      body: 'hi',
    },
  ),
  good('10 informational answers', `${'HTTP/1.1 102 P\r\n\r\n'.repeat(10)}${sized}`, {
    body: 'hi',
  }),
  good(
    'an upgrade',
    `${upgrading}x-a: b\r\n\r\nfirst`,
    {
      end: 'upgrade first',
      headers: ['upgrade', 'websocket', 'connection', 'Upgrade', 'x-a', 'b'],
    },
    { upgrade: 'h2c, WebSocket' },
  ),
  good('an upgrade that is refused', sized, { body: 'hi' }, { upgrade: 'websocket' }),
  good('half a head', 'HTTP/1.1 200 OK\r\ncontent-le', { end: 'cut' }, { isClosed: true }),
  good('half a body', `${ok}content-length: 9\r\n\r\nhi`, { end: 'cut' }, { isClosed: true }),
  good('no last chunk', `${chunked}2\r\nhi\r\n`, { end: 'cut', body: 'hi' }, { isClosed: true }),
  good('half a trailer', `${chunked}0\r\na: b\r\n`, { end: 'cut' }, { isClosed: true }),
  good('nothing', '', { end: 'cut' }, { isClosed: true }),

  bad('status 000', 'HTTP/1.1 000 X\r\n\r\n'),
  bad('status 099', 'HTTP/1.1 099 X\r\n\r\n'),
  bad('status 600', 'HTTP/1.1 600 X\r\n\r\n'),
  bad('status 999', 'HTTP/1.1 999 X\r\n\r\n'),
  bad('status of 4 digits', 'HTTP/1.1 2000 X\r\n\r\n'),
  bad('status of 2 digits', 'HTTP/1.1 20 OK\r\n\r\n'),
  bad('status +20', 'HTTP/1.1 +20 OK\r\n\r\n'),
  bad('status 2e2', 'HTTP/1.1 2e2 OK\r\n\r\n'),
  bad('no space behind the status', 'HTTP/1.1 200\r\n\r\n'),
  bad('two spaces before the status', 'HTTP/1.1  200 OK\r\n\r\n'),
  bad('HTTP/2.0', 'HTTP/2.0 200 OK\r\n\r\n'),
  bad('HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n'),
  bad('http/1.1', 'http/1.1 200 OK\r\n\r\n'),
  bad('an empty line first', `\r\n${sized}`),
  bad('another protocol', 'SSH-2.0-OpenSSH_9\r\n'),
  bad('a control character in the reason', 'HTTP/1.1 200 O\x01K\r\n\r\n'),
  bad('a CR in the reason', 'HTTP/1.1 200 O\rK\r\n\r\n'),
  bad('a bare LF behind the status', 'HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n'),
  bad('a bare LF behind a field', `${ok}a: b\ncontent-length: 0\r\n\r\n`),
  bad('a bare LF at the end', `${ok}content-length: 0\r\n\n`),
  bad('a bare CR in a field', `${ok}a: b\rc: d\r\n\r\n`),
  bad('two CR', `${ok}a: b\r\r\n\r\n`),
  bad('NUL in a value', `${ok}a: b\0c\r\n\r\n`),
  bad('DEL in a value', `${ok}a: b\x7fc\r\n\r\n`),
  bad('obs-fold', `${ok}a: b\r\n c\r\ncontent-length: 0\r\n\r\n`),
  bad('obs-fold with a tab', `${ok}a: b\r\n\tc\r\ncontent-length: 0\r\n\r\n`),
  bad('a space before the first field', `HTTP/1.1 200 OK\r\n a: b\r\n\r\n`),
  bad('a space before the colon', `${ok}content-length : 0\r\n\r\n`),
  bad('no colon', `${ok}a\r\n\r\n`),
  bad('no name', `${ok}: a\r\n\r\n`),
  bad('a name of obs-text', `${ok}\xe4: a\r\n\r\n`),
  bad('a name in brackets', `${ok}(a): a\r\n\r\n`),
  bad('101 fields', `${ok}${fields(100)}content-length: 0\r\n\r\n`),
  bad('16 KiB of fields', `${ok}a: ${'b'.repeat(16_384)}\r\n\r\n`),
  bad('16 KiB without an end', `${ok}a: ${'b'.repeat(16_384)}`),
  bad('many fields over 16 KiB', `${ok}${`a: ${'b'.repeat(400)}\r\n`.repeat(60)}\r\n`),
  bad('two lengths', `${ok}content-length: 2\r\ncontent-length: 3\r\n\r\nhi`),
  bad('the same length twice', `${ok}content-length: 2\r\ncontent-length: 2\r\n\r\nhi`),
  bad('a list of lengths', `${ok}content-length: 2, 2\r\n\r\nhi`),
  bad('an empty length', `${ok}content-length:\r\n\r\nhi`),
  bad('a signed length', `${ok}content-length: +2\r\n\r\nhi`),
  bad('a negative length', `${ok}content-length: -2\r\n\r\nhi`),
  bad('a hex length', `${ok}content-length: 0x2\r\n\r\nhi`),
  bad('a length with a point', `${ok}content-length: 2.0\r\n\r\nhi`),
  bad('a length beyond numbers', `${ok}content-length: 9999999999999999\r\n\r\nhi`),
  bad('length and coding', `${ok}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
  bad('coding and length', `${ok}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n`),
  bad('gzip, chunked', `${ok}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`),
  bad('chunked, identity', `${ok}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n`),
  bad('identity', `${ok}transfer-encoding: identity\r\n\r\n`),
  bad('an empty coding', `${ok}transfer-encoding:\r\n\r\n`),
  bad(
    'chunked twice',
    `${ok}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  bad('chunked of HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'),
  bad('length and coding of HEAD', `${ok}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n`, {
    method: 'HEAD',
  }),
  bad('a size that is none', `${chunked}x\r\n`),
  bad('an empty size', `${chunked}\r\n`),
  bad('a size with 0x', `${chunked}0x2\r\nhi\r\n0\r\n\r\n`),
  bad('a signed size', `${chunked}-2\r\nhi\r\n0\r\n\r\n`),
  bad('a space behind a size', `${chunked}2 \r\nhi\r\n0\r\n\r\n`),
  bad('a space before a size', `${chunked} 2\r\nhi\r\n0\r\n\r\n`),
  bad('a size beyond numbers', `${chunked}10000000000000\r\n`),
  bad('a size of many zeros', `${chunked}00000000000000\r\n\r\n`),
  bad('a bare LF behind a size', `${chunked}2\nhi\r\n0\r\n\r\n`),
  bad('a bare CR behind a size', `${chunked}2\rhi\r\n0\r\n\r\n`),
  bad('a bare LF in an extension', `${chunked}2;a\nhi\r\n0\r\n\r\n`),
  bad('a length with a tab behind it', `${ok}content-length: 2\t\r\n\r\nhi`),
  bad('a coding with a tab behind it', `${ok}transfer-encoding: chunked\t\r\n\r\n0\r\n\r\n`),
  bad('a connection with a tab', `${ok}connection: close\t, x\r\ncontent-length: 0\r\n\r\n`),
  good('a length with a tab before it', `${ok}content-length:\t2\r\n\r\nhi`, { body: 'hi' }),
  good('proxy-connection: close', `${ok}proxy-connection: x, Close\r\ncontent-length: 0\r\n\r\n`, {
    end: 'last',
    headers: [],
  }),
  good(
    'a no-break space around a name',
    `${ok}connection: x-a\xa0, x-b\r\nx-a: 1\r\nx-b: 2\r\ncontent-length: 0\r\n\r\n`,
    { headers: ['x-a', '1'] },
  ),
  bad(
    '101 with a no-break space',
    `HTTP/1.1 101 S\r\nupgrade: websocket\r\nconnection: Upgrade\xa0\r\n\r\n`,
    {
      upgrade: 'websocket',
    },
  ),
  bad('100 of HTTP/1.0', `HTTP/1.0 100 C\r\n\r\n${sized}`),
  bad('100 that is the last', `HTTP/1.1 100 C\r\nconnection: close\r\n\r\n${sized}`),
  bad('103 that is the last', `HTTP/1.1 103 E\r\nproxy-connection: close\r\n\r\n${sized}`),
  bad('a length in the trailer', `${chunked}0\r\nContent-Length: 7\r\n\r\n`),
  bad('a coding in the trailer', `${chunked}0\r\nTransfer-Encoding: chunked\r\n\r\n`),
  bad('connection in the trailer', `${chunked}0\r\nconnection: close\r\n\r\n`),
  bad('an extension that is nothing', `${chunked}2;\r\nhi\r\n0\r\n\r\n`),
  bad('a space before the name of an extension', `${chunked}2; a\r\nhi\r\n0\r\n\r\n`),
  bad('a space behind the name of an extension', `${chunked}2;a =b\r\nhi\r\n0\r\n\r\n`),
  bad('an extension with no value', `${chunked}2;a=\r\nhi\r\n0\r\n\r\n`),
  bad('an extension whose quotes are open', `${chunked}2;a="b\r\nhi\r\n0\r\n\r\n`),
  bad('an escape in an extension', `${chunked}2;a="\\"\r\nhi\r\n0\r\n\r\n`),
  bad('more behind the quotes of an extension', `${chunked}2;a="b"c\r\nhi\r\n0\r\n\r\n`),
  bad('a long extension', `${chunked}2;${'a'.repeat(257)}\r\nhi\r\n0\r\n\r\n`),
  bad('data longer than its size', `${chunked}2\r\nhix\r\n0\r\n\r\n`),
  bad('data without CR', `${chunked}2\r\nhi\n0\r\n\r\n`),
  bad('a trailer that is no field', `${chunked}0\r\nnone\r\n\r\n`),
  bad('a folded trailer', `${chunked}0\r\na: b\r\n c\r\n\r\n`),
  bad(
    'trailers beyond 100 fields',
    `${ok}${fields(60)}transfer-encoding: chunked\r\n\r\n0\r\n${fields(40)}\r\n`,
  ),
  bad('trailers beyond 16 KiB', `${chunked}0\r\na: ${'b'.repeat(16_384)}\r\n\r\n`),
  bad('11 informational answers', `${'HTTP/1.1 102 P\r\n\r\n'.repeat(11)}${sized}`),
  bad('11 times 100', `${'HTTP/1.1 100 C\r\n\r\n'.repeat(11)}${sized}`),
  bad('an informational answer with bad fields', `HTTP/1.1 103 E\r\na b\r\n\r\n${sized}`),
  bad('an unsolicited 101', `${upgrading}\r\n`),
  bad('101 of another protocol', `${upgrading}\r\n`, { upgrade: 'h2c' }),
  bad('101 without connection', 'HTTP/1.1 101 S\r\nupgrade: websocket\r\n\r\n', {
    upgrade: 'websocket',
  }),
  bad('101 without upgrade', 'HTTP/1.1 101 S\r\nconnection: upgrade\r\n\r\n', {
    upgrade: 'websocket',
  }),
  bad('101 with a length', `${upgrading}content-length: 0\r\n\r\n`, { upgrade: 'websocket' }),
  bad('101 of HTTP/1.0', upgrading.replace('1.1', '1.0') + '\r\n', { upgrade: 'websocket' }),
]
