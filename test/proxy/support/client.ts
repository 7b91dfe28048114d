import { connect, type Socket } from 'node:net'

/** An answer as a client reads it. */
export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
  /** Statuses that came before. */
  readonly informational: readonly number[]
  /** False: the connection ended before the answer did, and its client can see so. */
  readonly isWhole: boolean
}

export const fieldOf = ({ fields }: Answer, name: string): string | undefined =>
  fields.find(([one]) => one === name)?.[1]

export const codeOf = ({ body }: Answer): string =>
  /"code":"(\w+)"/.exec(body)?.[1] ?? `no code in ${JSON.stringify(body)}`

/** A connection that speaks raw bytes (Latin-1). */
export interface Talk {
  readonly socket: Socket
  /** All that came. */
  readonly received: () => string
  /** The next answer to a request of that method. */
  readonly answer: (method?: string) => Promise<Answer>
  readonly send: (bytes: string) => void
  /** When the connection is gone; tells whether it broke. */
  readonly closed: Promise<'ended' | 'broken'>
  /** Resolves when the condition holds for what came, or the connection is gone. */
  readonly until: (holds: (received: string) => boolean) => Promise<void>
}

export function talk(port: number, bytes = ''): Talk {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let received = ''
  let taken = 0
  const state = { isClosed: false, isBroken: false }
  let wake = (): void => undefined
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    received += text
    wake()
  })
  socket.on('error', () => (state.isBroken = true))
  const closed = new Promise<'ended' | 'broken'>((resolve) =>
    socket.on('close', () => {
      state.isClosed = true
      wake()
      resolve(state.isBroken ? 'broken' : 'ended')
    }),
  )
  const until = async (holds: (received: string) => boolean): Promise<void> => {
    while (!state.isClosed && !holds(received))
      await new Promise<void>((resolve) => (wake = resolve))
  }
  const answer = async (method = 'GET'): Promise<Answer> => {
    for (;;) {
      const found = readAnswer(received.slice(taken), method, state.isClosed, state.isBroken)
      if (found !== null) {
        taken += found.size
        return found.answer
      }
      const before = received.length
      await until((text) => text.length > before)
    }
  }
  if (bytes !== '') socket.write(bytes, 'latin1')
  return {
    socket,
    received: () => received,
    answer,
    send: (more) => void socket.write(more, 'latin1'),
    closed,
    until,
  }
}

/** One request on a connection of its own; its first answer. */
export async function askRaw(port: number, bytes: string): Promise<Answer> {
  const { answer, socket } = talk(port, bytes)
  const found = await answer(/^\w+/.exec(bytes)?.[0])
  socket.destroy()
  return found
}

/** A request without a body. */
export const get = (path: string, fields = '', method = 'GET'): string =>
  `${method} ${path} HTTP/1.1\r\nHost: test\r\n${fields}\r\n`

interface Found {
  readonly answer: Answer
  readonly size: number
}

const none = (status: number): Answer => ({
  status,
  fields: [],
  body: '',
  informational: [],
  isWhole: false,
})

/** Null: there is more to come. Status 0: it ended without an answer. */
function readAnswer(
  text: string,
  method: string,
  isClosed: boolean,
  isBroken: boolean,
): Found | null {
  const informational: number[] = []
  let from = 0
  for (;;) {
    const end = text.indexOf('\r\n\r\n', from)
    if (end < 0) return isClosed ? { answer: none(0), size: text.length } : null
    const [start = '', ...lines] = text.slice(from, end).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(start)?.[1] ?? 0)
    if (status === 0) throw new Error(`no status line: ${JSON.stringify(start)}`)
    from = end + 4
    if (status < 200 && status !== 101) {
      informational.push(status)
      continue
    }
    const fields = lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    })
    const read = readBody(text, from, fields, method, status, isClosed)
    if (read === null) return null
    const { body, size } = read
    // A body that ends with the connection is whole unless the connection broke.
    const isWhole = read.isWhole && !(read.isToEnd && isBroken)
    return { answer: { status, fields, body, informational, isWhole }, size }
  }
}

interface Body {
  readonly body: string
  readonly size: number
  readonly isWhole: boolean
  readonly isToEnd: boolean
}

function readBody(
  text: string,
  from: number,
  fields: Answer['fields'],
  method: string,
  status: number,
  isClosed: boolean,
): Body | null {
  const value = (name: string): string | undefined => fields.find(([one]) => one === name)?.[1]
  const whole = (body: string, size: number): Body => ({
    body,
    size,
    isWhole: true,
    isToEnd: false,
  })
  const cut = (body: string): Body | null =>
    isClosed ? { body, size: text.length, isWhole: false, isToEnd: false } : null
  if (method === 'HEAD' || status === 204 || status === 304 || status === 101)
    return whole('', from)
  const length = value('content-length')
  if (length !== undefined) {
    const end = from + Number(length)
    return text.length >= end ? whole(text.slice(from, end), end) : cut(text.slice(from))
  }
  if (value('transfer-encoding') !== undefined) {
    let at = from
    let body = ''
    for (;;) {
      const line = text.indexOf('\r\n', at)
      if (line < 0) return cut(body)
      const size = parseInt(text.slice(at, line), 16)
      if (!(size >= 0)) throw new Error(`no chunk: ${JSON.stringify(text.slice(at, at + 40))}`)
      const start = line + 2
      if (size === 0) return text.length >= start + 2 ? whole(body, start + 2) : cut(body)
      if (text.length < start + size + 2) return cut(body + text.slice(start, start + size))
      body += text.slice(start, start + size)
      at = start + size + 2
    }
  }
  const body = text.slice(from)
  return isClosed ? { body, size: text.length, isWhole: true, isToEnd: true } : null
}
