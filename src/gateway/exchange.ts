import { performance } from 'node:perf_hooks'
import type { ErrorCode } from '../core/errors.ts'
import type { Recorder } from '../core/rollout/recorder.ts'
import type { Route } from '../core/route/route.ts'
import type { Match } from '../core/router/lookup.ts'
import type { Told } from '../core/version/told.ts'
import { Hold } from './hold.ts'
import { keptAt, type Kept } from './kept.ts'
import type { LiveVersion, Snapshot } from './snapshot.ts'
import { codeReply } from './problem-reply.ts'
import { traceOf, type Trace } from './trace/trace-ids.ts'
import type { Span } from './trace/tracer.ts'
import type { LiveEndpoint } from './upstream/live-endpoint.ts'
import type { Outbound } from './upstream/outbound.ts'
import type { Transport } from './transport.ts'

const noParams: Readonly<Record<string, string>> = Object.freeze({})

/** A filter of a module whose code threw; the log has it. */
export interface Thrower {
  readonly module: string
  readonly module_version: string
  readonly filter: string
}

/**
 * One request and its response in flight. It has one owner, the gateway, and one way to end early: `abort`.
 * It serves from the snapshot that it entered with, whatever is published meanwhile.
 */
export class Exchange {
  readonly transport: Transport
  readonly snapshot: Snapshot
  route: Route | null
  /** What was found of its route before; null: nobody keeps it. */
  kept: Kept | null
  params: Readonly<Record<string, string>>
  /** The route's pattern that matched. */
  pattern: string
  /** How it came to its route, where others could have served it; null: there was nothing to choose. */
  told: Told | null
  /** Set once the answer is known; the access log reads it. */
  status: number
  /** Milliseconds on the process's monotonic clock; 0 where nobody asks for it. */
  startedAt: number
  /** Why the exchange was ended early, or null. */
  abortReason: string | null
  /** It was answered, counted and logged, and its holds were given back. */
  isOver: boolean
  /** What is sent on to an upstream, as filters leave it; null: nobody has asked. */
  outbound: Outbound | null
  /** Why the target did not answer, where it did not: what filters around it go by. */
  failure: ErrorCode | null
  /** Who works on it beside the gateway, and must stop when it is cut. */
  worker: { abort(reason: string): void } | null
  /** Whose error ended it, where that is not the route's own. */
  thrower: Thrower | null
  /** A copy of one that was answered already: nobody waits for it, and it counts nowhere. */
  mirrored: boolean
  /** Of the module whose handler serves it; empty: none does. */
  moduleVersion: string
  /** Where it is counted for what serves it; null: nowhere. */
  recorder: Recorder | null
  /** When the head of an answer left whose body comes after it; 0: there is none. On the clock of `startedAt`. */
  headAt: number
  /** Its answer has no end of its own. It was counted with its head. */
  isEndless: boolean
  /** The status that it counts with, where its client has seen another one or none; else 0. */
  fault: number
  /** The last one that it was sent to; null: none. */
  endpoint: LiveEndpoint | null
  /** What is recorded of it; null: nothing. */
  span: Span | null
  #trace: Trace | null
  #canonical: string | null
  #holds: Hold | null
  #controller: AbortController | null
  /** Flat: name, value. There are few. */
  #values: unknown[] | null

  constructor(transport: Transport, snapshot: Snapshot) {
    this.transport = transport
    this.snapshot = snapshot
    this.route = null
    this.kept = null
    this.params = noParams
    this.pattern = ''
    this.told = null
    this.status = 0
    this.startedAt = 0
    this.abortReason = null
    this.isOver = false
    this.outbound = null
    this.failure = null
    this.worker = null
    this.thrower = null
    this.mirrored = false
    this.moduleVersion = ''
    this.recorder = null
    this.headAt = 0
    this.isEndless = false
    this.fault = 0
    this.endpoint = null
    this.span = null
    this.#trace = null
    this.#canonical = null
    this.#holds = null
    this.#controller = null
    this.#values = null
  }

  get method(): string {
    return this.transport.method
  }

  /** The canonical path: the only form of it that anything after the match sees. */
  get path(): string {
    if (this.#canonical === null) {
      const { target } = this.transport
      const end = target.indexOf('?')
      this.#canonical = end < 0 ? target : target.slice(0, end)
    }
    return this.#canonical
  }

  /** The query with its question mark, or the empty string. */
  get search(): string {
    const { target } = this.transport
    const start = target.indexOf('?')
    return start < 0 ? '' : target.slice(start)
  }

  /** The client's, or a new one: made when somebody asks. */
  get trace(): Trace {
    this.#trace ??= traceOf(this.transport)
    return this.#trace
  }

  set trace(trace: Trace) {
    this.#trace = trace
  }

  /** Aborts when the client leaves or the exchange is cut. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      if (this.abortReason === null) this.transport.onClose(() => this.#controller!.abort())
      else this.#controller.abort(new Error(this.abortReason))
    }
    return this.#controller.signal
  }

  /** Takes what the router found. `path` is given where the match was not made on the target itself. */
  matched(match: Match<Route>, path: string | null = match.canonical): void {
    this.route = match.value
    this.kept = match.leaf === null ? null : keptAt(match.leaf)
    this.params = match.params
    this.pattern = match.pattern
    this.told = match.told
    this.#canonical = path
  }

  /** Takes the canonical path where no route matched. */
  missed(path: string): void {
    this.#canonical = path
  }

  /** Keeps a value for middleware and handlers further on. */
  setValue(name: string, value: unknown): void {
    const values = this.#values
    if (values === null) {
      this.#values = [name, value]
      return
    }
    const at = indexOfName(values, name)
    if (at < 0) values.push(name, value)
    else values[at + 1] = value
  }

  getValue(name: string): unknown {
    const values = this.#values
    if (values === null) return undefined
    const at = indexOfName(values, name)
    return at < 0 ? undefined : values[at + 1]
  }

  /** Takes a hold on a version that serves a part of it. */
  hold(version: LiveVersion): void {
    this.#holds = new Hold(this, version, this.#holds)
  }

  /** The head of an answer leaves, its body comes after it. One without an end of its own counts now. */
  headSent(isEndless: boolean): void {
    const { recorder, startedAt } = this
    this.isEndless = isEndless
    if (startedAt === 0) return
    this.headAt = performance.now()
    if (!isEndless || recorder === null) return
    recorder.record(performance.timeOrigin + this.headAt, this.headAt - startedAt, this.status)
  }

  /** Gives its holds back; the gateway calls it exactly once, when handler and answer are both done. */
  release(): void {
    for (let hold = this.#holds; hold !== null; hold = hold.following) hold.release()
    this.#holds = null
  }

  /** Tells whoever works on it that it ends early. What the handler answers later is dropped. */
  stop(reason: string): void {
    this.abortReason = reason
    this.worker?.abort(reason)
    this.#controller?.abort(new Error(reason))
  }

  /**
   * Ends the exchange early: its signal fires, and its client gets a 503 or, once the head is out, sees its
   * connection cut. What the handler answers later is dropped.
   */
  abort(reason: string): void {
    if (this.abortReason !== null) return
    this.stop(reason)
    const { transport } = this
    if (transport.isHeadSent) {
      transport.destroy()
      return
    }
    const reply = codeReply('TURNOUT_EXCHANGE_CUT', { reason }, ['connection', 'close'])
    this.status = reply.status
    transport.send(reply.status, reply.headers, reply.body as string)
  }
}

const indexOfName = (values: readonly unknown[], name: string): number => {
  for (let at = 0; at < values.length; at += 2) if (values[at] === name) return at
  return -1
}
