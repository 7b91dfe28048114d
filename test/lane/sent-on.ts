import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createAdminClient } from '../../src/admin/client.ts'
import { limitsOf } from '../../src/core/http/limits.ts'
import { RequestHead } from '../../src/core/http/request-head.ts'
import { createTurnout, type TurnoutOptions } from '../../src/turnout.ts'
import type { Ports } from './echo.ts'
import { Random } from './random.ts'

/** An endpoint that answers with the head of the request, as it came, and its body. */
async function openMirror(test: Pick<TestContext, 'after'>): Promise<string> {
  const server = createServer((socket) => {
    let rest = ''
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      rest += bytes.toString('latin1')
      for (;;) {
        const end = rest.indexOf('\r\n\r\n') + 4
        const length = Number(/\r\ncontent-length: (\d+)\r\n/.exec(rest.slice(0, end))?.[1] ?? 0)
        if (end < 4 || rest.length < end + length) return
        const whole = rest.slice(0, end + length)
        rest = rest.slice(end + length)
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${whole.length}\r\n\r\n${whole}`, 'latin1')
      }
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  test.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A listener of each lane, whose requests go on to the same endpoint: below `/asked` with a filter that asks for the fields. */
export async function openForwarding(
  test: Pick<TestContext, 'after'>,
  options: TurnoutOptions = {},
): Promise<Ports> {
  const uri = await openMirror(test)
  const open = async (lane: 'fast' | 'safe'): Promise<number> => {
    const directory = mkdtempSync(join(tmpdir(), 'turnout-lane-'))
    const turnout = createTurnout({ logger: false, overload: false, ...options, lane })
    test.after(async () => {
      await turnout.close(0)
      rmSync(directory, { recursive: true })
    })
    const { url, firstToken } = await turnout.admin({ port: 0, directory })
    const client = createAdminClient({ url, token: firstToken.token })
    const filters = [{ kind: 'remove-request-header', name: 'x-never' }] as const
    for (const body of [
      { id: 'plain', path: '/plain', target: { uri } },
      { id: 'asked', path: '/asked', target: { uri }, filters },
    ]) {
      const made = await client.createRoute({ body })
      if (!made.ok) throw new Error(JSON.stringify(made.problem))
    }
    return (await turnout.listen({ port: 0 })).port
  }
  return { fast: await open('fast'), safe: await open('safe') }
}

export const usual: readonly string[] = [
  'Accept',
  'User-Agent',
  'Cookie',
  'X-A',
  'x-b',
  'Authorization',
  'Content-Type',
  'If-None-Match',
  'Referer',
  'Origin',
  'X-Request-Id',
  'Via',
  'X-Never',
  'traceparent',
  'From',
  'X-Requested-With',
]
/** Fields of the connection. */
export const hops: readonly string[] = [
  'Keep-Alive',
  'Proxy-Authorization',
  'Proxy-Authenticate',
  'Proxy-Connection',
  'TE',
  'Trailer',
  'HTTP2-Settings',
]
/** What a client may not say of itself. */
export const claims: readonly string[] = [
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Forwarded-Host',
  'X-Forwarded-Port',
  'X-Forwarded',
  'X-Forwarded-Foo',
  'X-ForwardedFoo',
  'Forwarded',
  'X-Real-IP',
  'X_Forwarded_For',
  'X-Forwarded_For',
  'X_Real-IP',
  'Turnout-Route',
  'turnout-mirror',
  'Turnout_X',
  'Turnout-',
]
const likes = [
  'Xf',
  'X-Frame',
  'Turn',
  'X-Real-Ig',

  'Forwarder',
  'Forwardeds',
  'TurnoutX',
  'Turnout',
  'X-Real',
  'X-Real-IPs',
  'Tea',
  'T',
  'X',
  'K',
  'F',
  'Hosts',
  'Hos',
  'Content-Lengths',
  'Content-Lengtn',
  'Connections',
  'Connectiom',
  'Keep-Alivf',
  'Proxy-Foo',
  'Proxy-Connectioo',
  'Upgradf',
  'Host-X',
  'HTTP2-Settingz',
  'uuuuuuu',
  'pppppppppp',
  'Trailes',
  'x-forwarde',
]
const values = [
  'a',
  '',
  'text/html, */*;q=0.8',
  'a=1; b=2',
  '1.2.3.4',
  '1.2.3.4, 5.6.7.8',
  'https',
  'evil.test:81',
  '443',
  'for=1.2.3.4;proto=https',
  'trailers',
  'close',
  'chunked',
  'a  b',
  'x:y',
  '"q"',
  'timeout=5',
]
const connections = [
  'keep-alive',
  'Keep-Alive',
  'KEEP-ALIVE',
  'keep-alive',
  'close, x-a',
  'x-a',
  'X-A, x-b',
  'keep-alive, x-a',
  'x-forwarded-for',
  'cookie',
  'te',
  '',
  'user-agent, te',
  'content-type',
  'turnout-route',
  'x_real_ip',
]
const hosts = ['a.test', 'A.test', 'a.test:80', 'a.test:8080', 'b.test', '[::1]:80', '127.0.0.1']

const cased = (random: Random, text: string): string => {
  const kind = random.below(4)
  if (kind === 0) return text.toLowerCase()
  if (kind === 1) return text.toUpperCase()
  if (kind === 2)
    return Array.from(text, (one) =>
      random.isIn(0.5) ? one.toUpperCase() : one.toLowerCase(),
    ).join('')
  return text
}

const line = (random: Random, name: string, value: string): string => {
  const before = random.pick([' ', ' ', ' ', '', '  ', '\t', ' \t'])
  const behind = random.isIn(0.1) ? random.pick([' ', '\t', ' \t ']) : ''
  return `${cased(random, name)}:${before}${value}${behind}`
}

const makeRequest = (random: Random): string => {
  const method = random.pick(['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
  const body = random.isIn(0.3)
    ? random.pick(['hi', 'GET /plain HTTP/1.1\r\nHost: a\r\n\r\n', '\0\xff\r\n', 'x'.repeat(3_000)])
    : ''
  const lines = [line(random, 'Host', random.pick(hosts))]
  if (body !== '' || random.isIn(0.05))
    lines.push(line(random, 'Content-Length', String(body.length)))
  if (random.isIn(0.3))
    lines.push(
      line(random, 'Connection', random.isIn(0.7) ? 'keep-alive' : random.pick(connections)),
    )
  const isUsual = random.isIn(0.7)
  const count = random.below(8)
  for (let at = 0; at < count; at++) {
    const names = random.pick(isUsual ? [usual, usual, likes] : [usual, likes, hops, claims])
    lines.push(line(random, random.pick(names), random.pick(values)))
  }
  for (let at = lines.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    ;[lines[at], lines[other]] = [lines[other]!, lines[at]!]
  }
  const path = random.pick(['/plain', '/plain', '/asked'])
  const search = random.pick(['', '', '?', '?a=b', '?a=%2F&b', "?!$'()*"])
  return `${method} ${path}${search} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}

/** One request after the other on a connection, for as long as it lasts. */
class Client {
  readonly #port: number
  #socket: Socket | null

  constructor(port: number) {
    this.#port = port
    this.#socket = null
  }

  /** So many answers, each whole; fewer, where the connection ends before. */
  async ask(bytes: Buffer, count: number): Promise<string[]> {
    this.#socket ??= connect({ port: this.#port, host: '127.0.0.1', noDelay: true }).on(
      'error',
      () => undefined,
    )
    const socket = this.#socket
    const answers: string[] = []
    let rest = ''
    await new Promise<void>((resolve) => {
      const onData = (piece: Buffer): void => {
        rest += piece.toString('latin1')
        for (;;) {
          const end = rest.indexOf('\r\n\r\n') + 4
          const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(rest.slice(0, end))?.[1])
          if (end < 4 || rest.length < end + length) break
          answers.push(rest.slice(0, end + length))
          rest = rest.slice(end + length)
        }
        if (answers.length >= count) done()
      }
      const done = (): void => {
        socket.off('data', onData).off('close', done)
        resolve()
      }
      socket.on('data', onData).on('close', done)
      socket.write(bytes)
    })
    if (socket.closed || answers.some((one) => /\r\nconnection: close\r\n/i.test(one))) this.end()
    if (rest !== '') answers.push(rest)
    return answers
  }

  end(): void {
    this.#socket?.destroy()
    this.#socket = null
  }
}

/** What came of a request: its status, and what was sent on, line by line, with no blanks around values. */
const sentOn = (received: string): string[] => {
  const [head = '', fields = '', ...rest] = received.split('\r\n\r\n')
  const lines = fields
    .split('\r\n')
    .map((one) => one.replace(/^([^: ]+):[ \t]*(.*?)[ \t]*$/, '$1: $2'))
  return [head.slice(0, 12), ...lines, rest.join('\r\n\r\n')]
}

const goesOn = (text: string): boolean => isPlain(text) && !/\r\nconnection:[ \t]*close/i.test(text)

export interface SentOn {
  /** All requests. */
  asked: number
  /** Requests that both lanes sent on. */
  sent: number
  /** Of all requests, those whose lines the fast lane sends on as they are. */
  plain: number
  readonly differences: string[]
}

const head = new RequestHead(limitsOf())

/** Whether the fast lane sends its lines on as they are. */
export function isPlain(text: string): boolean {
  const bytes = Buffer.from(text, 'latin1')
  return head.read(bytes, 0, bytes.length) > 0 && head.isPlain
}

/** Sends generated requests to both. */
export async function compareSentOn(ports: Ports, seed: number, count: number): Promise<SentOn> {
  const random = new Random(seed)
  const told: SentOn = { asked: 0, sent: 0, plain: 0, differences: [] }
  let left = count
  const work = async (): Promise<void> => {
    const [fast, safe] = [new Client(ports.fast), new Client(ports.safe)]
    while (left > 0 && told.differences.length < 10) {
      left -= 1
      const requests = [makeRequest(random)]
      // What is behind the last, and what is refused behind others, is another matter.
      while (goesOn(requests.at(-1)!) && random.isIn(0.5)) {
        const next = makeRequest(random)
        if (isPlain(next)) requests.push(next)
      }
      told.plain += requests.filter(isPlain).length
      const bytes = Buffer.from(requests.join(''), 'latin1')
      const { length } = requests
      const [ours, theirs] = await Promise.all([fast.ask(bytes, length), safe.ask(bytes, length)])
      const [some, others] = [ours.map(sentOn), theirs.map(sentOn)]
      told.asked += length
      told.sent += some.filter(([status]) => status === 'HTTP/1.1 200').length
      if (JSON.stringify(some) !== JSON.stringify(others))
        told.differences.push(
          `${JSON.stringify(requests)}: ${JSON.stringify(some)} against ${JSON.stringify(others)}`,
        )
    }
    fast.end()
    safe.end()
  }
  await Promise.all(Array.from({ length: 4 }, work))
  return told
}
