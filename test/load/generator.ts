// The load's own process: argv is a plan as JSON. Ends by itself, or when a line comes on stdin, or when whoever
// started it is gone; prints a report as one line of JSON.
import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { ResponseReader, type WholeResponse } from './response-reader.ts'
import {
  versionBody,
  type LoadCounts,
  type LoadGroup,
  type LoadPlan,
  type LoadReport,
} from './report.ts'

const plan = JSON.parse(process.argv[2] ?? '{}') as LoadPlan
const answerMs = 10_000
const longestMs = 30 * 60_000
const bucketsPerMs = 10

const counts: LoadCounts = {
  sent: 0,
  completed: 0,
  refused: 0,
  reset: 0,
  truncated: 0,
  wrongStatus: 0,
  wrongBody: 0,
  unanswered: 0,
}
const byGroup: Record<string, number> = {}
const lostOf: Record<string, number> = {}
const bodies = new Map<string, string>()
const faults: string[] = []
const latencies = new Uint32Array(answerMs * bucketsPerMs + 1)
let maxMs = 0
let wentBack = 0
const load = { isEnding: false }

type Fault = Exclude<keyof LoadCounts, 'sent' | 'completed'>

const fail = (kind: Fault, what: string): void => {
  counts[kind] += 1
  if (faults.length < 10) faults.push(`${kind}: ${what}`)
}

/** Like `v000017`: the same length for every version, so that tags can be compared as text. */
const faultOf = ({ status, headers, body }: WholeResponse, group: LoadGroup): Fault | null => {
  if (status !== 200) return 'wrongStatus'
  if (group.expects === 'status') return null
  const tag = headers.get('x-version') ?? ''
  if (!/^v\d{6}$/.test(tag)) return 'wrongBody'
  let expected = bodies.get(tag)
  if (expected === undefined) bodies.set(tag, (expected = versionBody(tag)))
  return body === expected ? null : 'wrongBody'
}

const count = (answer: WholeResponse, group: LoadGroup, path: string, tookMs: number): void => {
  const fault = faultOf(answer, group)
  if (fault !== null) {
    const { status, headers, body } = answer
    fail(fault, `${path} ${status} ${headers.get('x-version')} ${body.slice(0, 200)}`)
    return
  }
  counts.completed += 1
  byGroup[group.name] = (byGroup[group.name] ?? 0) + 1
  latencies[Math.min(latencies.length - 1, Math.floor(tookMs * bucketsPerMs))]! += 1
  if (tookMs > maxMs) maxMs = tookMs
}

/** A connection of one loop: open until the server or the loop ends it. */
class Connection {
  readonly #socket: Socket
  readonly #reader = new ResponseReader()
  #isOpen = false
  #isClosed = false
  #newest = ''
  #pid = 'new'
  #error = ''
  #waiting: ((answer: WholeResponse | null) => void) | null = null
  #badBytes: string | null = null

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.#socket.on('connect', () => (this.#isOpen = true))
    this.#socket.on('data', (bytes) => this.#take(bytes))
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error.code ?? error.message
    })
    this.#socket.on('close', () => {
      this.#isClosed = true
      this.#settle(null)
    })
  }

  get isClosed(): boolean {
    return this.#isClosed || this.#socket.destroyed || this.#socket.readableEnded
  }

  /** Asks once, and counts how it ended. Resolves true while the connection can be used on. */
  async ask(path: string, group: LoadGroup): Promise<boolean> {
    const keep = group.isKeptAlive ? 'keep-alive' : 'close'
    const startedAt = performance.now()
    counts.sent += 1
    let timer: NodeJS.Timeout | undefined
    const answer = await new Promise<WholeResponse | null | 'late'>((resolve) => {
      this.#waiting = resolve
      timer = setTimeout(() => resolve('late'), answerMs)
      this.#socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: ${keep}\r\n\r\n`)
      if (this.#isClosed) this.#settle(null)
    })
    clearTimeout(timer)
    if (answer === 'late') fail('unanswered', path)
    else if (answer === null) this.#failed(path)
    else {
      count(answer, group, path, performance.now() - startedAt)
      this.#pid = answer.headers.get('x-pid') ?? this.#pid
      const tag = answer.headers.get('x-version') ?? ''
      if (tag < this.#newest) {
        wentBack += 1
        if (faults.length < 10) faults.push(`went back: ${path} ${this.#newest} to ${tag}`)
      }
      this.#newest = tag
      if (group.isKeptAlive && !answer.isLast) return true
    }
    this.end()
    return false
  }

  end(): void {
    this.#socket.destroy()
  }

  #failed(path: string): void {
    const what = `${path} ${this.#error || 'closed by the server'}`
    if (this.#badBytes !== null) fail('wrongBody', `${path} ${this.#badBytes}`)
    else if (!this.#isOpen) fail('refused', what)
    else {
      lostOf[this.#pid] = (lostOf[this.#pid] ?? 0) + 1
      fail(this.#reader.isInside ? 'truncated' : 'reset', what)
    }
  }

  #take(bytes: Buffer): void {
    try {
      const answer = this.#reader.push(bytes)
      if (answer !== null) this.#settle(answer)
    } catch (error) {
      this.#badBytes = String(error)
      this.#socket.destroy()
    }
  }

  #settle(answer: WholeResponse | null): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.(answer)
  }
}

const loop = async (group: LoadGroup, first: number): Promise<void> => {
  let connection: Connection | null = null
  for (let at = first; !load.isEnding; at += 1) {
    // A connection that the server closed while nothing was asked costs nobody an answer.
    if (connection === null || connection.isClosed) connection = new Connection(plan.port)
    const isUsable = await connection.ask(group.paths[at % group.paths.length]!, group)
    if (!isUsable) connection = null
    // A server that is gone must not be asked a million times.
    if (faults.length >= 10) await new Promise((resume) => setTimeout(resume, 20))
  }
  connection?.end()
}

const quantile = (share: number): number => {
  const rank = Math.ceil(counts.completed * share)
  let seen = 0
  for (let at = 0; at < latencies.length; at += 1) {
    seen += latencies[at]!
    if (seen >= rank) return at / bucketsPerMs
  }
  return maxMs
}

const end = (): void => {
  load.isEnding = true
}
const timer = setTimeout(end, Math.min(plan.durationMs, longestMs))
process.stdin.on('data', end)
process.stdin.on('end', end)

const startedAt = performance.now()
await Promise.all(
  plan.groups.flatMap((group) => Array.from({ length: group.loops }, (_, at) => loop(group, at))),
)
clearTimeout(timer)
process.stdin.destroy()
const durationMs = performance.now() - startedAt
const report: LoadReport = {
  ...counts,
  durationMs,
  requestsPerSecond: Math.round((counts.completed / durationMs) * 1000),
  byGroup,
  lostOf,
  versions: bodies.size,
  wentBack,
  faults,
  latencies: { p50: quantile(0.5), p99: quantile(0.99), max: Math.round(maxMs * 10) / 10 },
}
process.stdout.write(`${JSON.stringify(report)}\n`)
