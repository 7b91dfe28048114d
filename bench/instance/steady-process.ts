// The load of `steady.ts`, in a process of its own. Times are taken from when a request was due, so that a server that holds
// everything up is seen by all that it held up. Each request is due at an instant of its own.
import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { ResponseReader, type WholeResponse } from '../../test/load/response-reader.ts'
import { monotonicMs } from './figures.ts'
import type { Phase, PhaseReport, Seen, Times } from './steady.ts'

/** A request without an answer by then has failed. */
const answerMs = 5_000

/** What is read, of any connection: it is done with before the next is read. */
const incoming = Buffer.allocUnsafeSlow(65_536)
/** Most answers are those of before, byte by byte: only others are parsed. */
const last = { bytes: Buffer.alloc(0), answer: null as WholeResponse | null }

/** A load that spins and comes to nothing for so long did not have its core. */
const standstillMs = 1

const toMonotonic = monotonicMs() - performance.now()

/** One of the load's clients: a kept connection, or a new one for each of its requests. */
interface Client {
  readonly isKept: boolean
  socket: Socket | null
  reader: ResponseReader
  isAsking: boolean
  path: string
  dueAt: number
  sentAt: number
}

/** Grows as values come. */
class Values {
  #values = new Float64Array(1_024)
  #length = 0

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(this.#length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#length] = value
    this.#length += 1
  }

  times(): Times {
    const sorted = this.#values.subarray(0, this.#length).sort()
    const share = (part: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
    return {
      count: sorted.length,
      p50: share(0.5),
      p99: share(0.99),
      p999: share(0.999),
      max: share(1),
    }
  }
}

/** What a phase counts. */
class Counts {
  answered = 0
  failed = 0
  dropped = 0
  announced = 0
  readonly faults = new Map<string, number>()
  readonly contents = new Map<string, Seen>()
  readonly sinceDue: Values = new Values()
  readonly sinceSent: Values = new Values()
  readonly undisturbed: Values = new Values()
  readonly late: Values = new Values()

  fail(what: string, times: number = 1): void {
    this.failed += times
    this.faults.set(what, (this.faults.get(what) ?? 0) + times)
  }

  see(body: string, now: number): void {
    const at = now + toMonotonic
    const seen = this.contents.get(body)
    if (seen === undefined) this.contents.set(body, { firstAt: at, lastAt: at })
    else seen.lastAt = at
  }
}

const clients: Client[] = []
/** Who waited longest asks next. */
const idle: Client[] = []
let counts = new Counts()
let isFollowed = false
/** When this process was last seen at work, and until when what is due suffers from that it was not. */
let atWorkAt = 0
let disturbedUntil = 0

const work = (now: number): void => {
  const missing = now - atWorkAt
  // What it sends too late comes to the server all at once, which needs some time for it.
  if (missing > standstillMs) disturbedUntil = now + missing
  atWorkAt = now
}

const settle = (client: Client): void => {
  client.isAsking = false
  idle.push(client)
}

/** The server ended it, or what came was no answer. */
const lose = (client: Client, socket: Socket, what: string): void => {
  if (client.socket !== socket) return
  client.socket = null
  socket.destroy()
  if (client.isKept) counts.dropped += 1
  if (!client.isAsking) return
  counts.fail(client.reader.isInside ? `${what}, inside an answer` : `${what}, before an answer`)
  settle(client)
}

const take = (client: Client, socket: Socket, answer: WholeResponse): void => {
  const now = performance.now()
  work(now)
  if (!client.isAsking) return lose(client, socket, 'an answer to nothing')
  if (answer.status < 200 || answer.status > 299) counts.fail(`${client.path} ${answer.status}`)
  else {
    counts.answered += 1
    counts.sinceDue.push(now - client.dueAt)
    counts.sinceSent.push(now - client.sentAt)
    if (client.dueAt >= disturbedUntil) counts.undisturbed.push(now - client.dueAt)
    if (isFollowed) counts.see(answer.body, now)
  }
  if (client.isKept && answer.isLast) {
    counts.announced += 1
    counts.dropped += 1
  }
  if (!client.isKept || answer.isLast) {
    client.socket = null
    socket.destroy()
  }
  settle(client)
}

const read = (client: Client, socket: Socket, length: number): void => {
  if (client.socket !== socket) return
  const { reader } = client
  const isSame =
    last.answer !== null &&
    !reader.isInside &&
    length === last.bytes.length &&
    last.bytes.compare(incoming, 0, length) === 0
  if (isSame) return take(client, socket, last.answer!)
  const bytes = Buffer.from(incoming.subarray(0, length))
  const isWhole = !reader.isInside
  try {
    const answer = reader.push(bytes)
    if (answer === null) return
    if (isWhole) {
      last.bytes = bytes
      last.answer = answer
    }
    take(client, socket, answer)
  } catch (error) {
    lose(client, socket, (error as Error).message)
  }
}

const open = (client: Client, port: number): Socket => {
  const socket: Socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: incoming,
      callback: (length) => {
        read(client, socket, length)
        return true
      },
    },
  })
  socket.on('error', (error: NodeJS.ErrnoException) => lose(client, socket, error.code ?? 'error'))
  socket.on('end', () => lose(client, socket, 'closed'))
  socket.on('close', () => lose(client, socket, 'closed'))
  client.reader = new ResponseReader()
  client.socket = socket
  return socket
}

const ask = (client: Client, port: number, path: string, dueAt: number, now: number): void => {
  client.isAsking = true
  client.path = path
  client.dueAt = dueAt
  client.sentAt = now
  counts.late.push(now - dueAt)
  const socket = client.socket ?? open(client, port)
  const end = client.isKept ? '' : 'connection: close\r\n'
  socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${end}\r\n`, 'latin1')
}

/** Kept ones are opened before they are needed, new ones stand between them. */
const makeClients = ({ port, kept, fresh }: Phase): void => {
  if (clients.length > 0) return
  const all = kept + fresh
  for (let at = 0; at < all; at += 1) {
    const isKept = Math.floor(((at + 1) * fresh) / all) === Math.floor((at * fresh) / all)
    const reader = new ResponseReader()
    const client = { isKept, socket: null, reader, isAsking: false, path: '', dueAt: 0, sentAt: 0 }
    clients.push(client)
    idle.push(client)
    if (isKept) open(client, port)
  }
}

const giveUp = (): void => {
  const late = performance.now() - answerMs
  for (const client of clients)
    if (client.isAsking && client.sentAt < late) lose(client, client.socket!, 'nothing came')
}

const run = async (phase: Phase): Promise<PhaseReport> => {
  const { port, paths, perSecond, durationMs } = phase
  makeClients(phase)
  counts = new Counts()
  isFollowed = phase.isFollowed ?? false
  const planned = perSecond === null ? Infinity : Math.floor((durationMs / 1_000) * perSecond)
  const everyMs = perSecond === null ? 0 : 1_000 / perSecond
  const sweep = setInterval(giveUp, 100)
  const startedAt = performance.now()
  atWorkAt = startedAt
  const endsAt = startedAt + durationMs
  let asked = 0
  let now = startedAt
  // What is due and finds nobody idle waits, and is asked after the end when it must.
  const isOver = (): boolean =>
    perSecond === null ? now >= endsAt : asked === planned || now >= endsAt + answerMs
  for (; !isOver(); now = performance.now()) {
    work(now)
    while (idle.length > 0 && asked < planned) {
      const dueAt = perSecond === null ? now : startedAt + asked * everyMs
      if (dueAt > now) break
      ask(idle.shift()!, port, paths[asked % paths.length]!, dueAt, now)
      asked += 1
      now = performance.now()
      if (now >= endsAt && perSecond === null) break
    }
    await new Promise((resolve) => {
      if (perSecond === null || phase.isSpinning === true) setImmediate(resolve)
      else setTimeout(resolve, 1)
    })
  }
  while (clients.some(({ isAsking }) => isAsking))
    await new Promise((resolve) => setTimeout(resolve, 1))
  clearInterval(sweep)
  const seconds = (Math.min(now, endsAt) - startedAt) / 1_000
  const requests = perSecond === null ? asked : planned
  if (asked < requests) counts.fail('never sent', requests - asked)
  const { answered, failed, dropped, announced, faults, contents } = counts
  return {
    requests,
    answered,
    failed,
    dropped,
    announced,
    faults: [...faults],
    perSecond: Math.round(answered / seconds),
    sinceDue: counts.sinceDue.times(),
    sinceSent: counts.sinceSent.times(),
    undisturbed: counts.undisturbed.times(),
    late: counts.late.times(),
    contents: [...contents],
  }
}

process.on('message', (phase: Phase) => {
  void run(phase).then((report) => process.send!(report))
})
process.on('disconnect', () => process.exit(0))
