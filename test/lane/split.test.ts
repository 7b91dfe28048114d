import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { differenceOf } from './answers.ts'
import { addEchoes, openBoth, send } from './echo.ts'

const get = (path: string, fields = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`
const post = (path: string, body: string, fields = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: a.test\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`
const chunked =
  'POST /body HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n'
const end = get('/echo', 'Connection: close\r\n')

/** What is sent; each ends with the last request of its connection. */
const messages: readonly (readonly [what: string, bytes: string])[] = [
  ['a request', end],
  [
    'with fields',
    get('/echo', 'X-A:  b c \t\r\nCookie: a=1\r\ncookie: b=2\r\nConnection: Close\r\n'),
  ],
  ['a body', post('/body', 'hello', 'Connection: close\r\n')],
  ['a body, and one behind', post('/body', 'hello\r\n') + end],
  ['a body that nobody reads, and one behind', post('/unread', 'GET / HTTP/1.1\r\n\r\n') + end],
  ['a web body', post('/web-body', 'hello') + end],
  ['many behind each other', get('/') + get('/later') + get('/none') + get('/stream') + end],
  ['chunks, handed over', chunked + end],
  ['one of each', get('/later') + chunked + post('/body', 'hi') + end],
  ['HTTP/1.0, handed over', `${get('/')}GET /echo HTTP/1.0\r\nHost: a.test\r\n\r\n`],
  ['an expectation, handed over', post('/body', 'hi', 'Expect: 100-continue\r\n') + end],
  ['empty lines between', `\r\n${get('/')}\r\n\r\n${end}`],
  ['ends of lines between', `\n${get('/')}\r\r\n\n${end}`],
  ['refused behind one that is served', `${get('/')}GET /#a HTTP/1.1\r\nHost: a.test\r\n\r\n`],
  ['junk behind one that is served', `${get('/')}\0junk\r\n\r\n`],
  ['a bare feed', 'GET /echo HTTP/1.1\nHost: a.test\n\n'],
  ['smuggled', `${post('/body', '0\r\n\r\n', 'Transfer-Encoding: chunked\r\n')}${end}`],
]

describe('however the bytes come, the answers are the same', () => {
  for (const [what, text] of messages) {
    test(what, async (t) => {
      const ports = await openBoth(t, addEchoes, { overload: false })
      const bytes = Buffer.from(text, 'latin1')
      const whole = await send(ports.safe, [bytes])
      const same = async (name: string, pieces: readonly Buffer[]): Promise<void> => {
        const difference = differenceOf(
          await send(ports.fast, pieces),
          whole,
          what.includes('behind one'),
        )
        assert.equal(difference, null, name)
      }
      await same('in one piece', [bytes])
      const cuts = Array.from({ length: bytes.length - 1 }, (_, at) => at + 1)
      while (cuts.length > 0) {
        const some = cuts.splice(0, 30)
        await Promise.all(
          some.map((at) => same(`cut at ${at}`, [bytes.subarray(0, at), bytes.subarray(at)])),
        )
      }
      await same(
        'byte by byte',
        Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
      )
    })
  }
})
