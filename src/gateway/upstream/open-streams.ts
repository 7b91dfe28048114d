import { defaultStreams, type StreamPolicy } from '../../core/route/filter.ts'
import type { Exchange } from '../exchange.ts'
import type { LiveEndpoint } from './live-endpoint.ts'
import { startSweep, type Swept } from './sweep.ts'

/** An exchange with an endpoint, linked to the others that are under way. */
export interface UnderWay {
  readonly exchange: Exchange
  readonly endpoint: LiveEndpoint | null
  /** The head of its answer is out, and not all of the rest. */
  isOpen: boolean
  /** When it must have ended, on the monotonic clock; `Infinity`: when it does. */
  readonly deadlineAt: number
  timeOut(): void
  /** Neighbours; the business of `OpenStreams`. */
  previous: UnderWay | null
  next: UnderWay | null
}

/** Why an exchange has to end, and when at the latest. */
interface Ending {
  readonly reason: string
  readonly deadline: NodeJS.Timeout
}

const policyOf = ({ route }: Exchange): StreamPolicy => route!.streams ?? defaultStreams

/**
 * Exchanges with endpoints: what a change of their route or endpoint does to them is their route's policy.
 *
 *     begin ──> open ──> end
 *       no head    answer under way
 *
 * Without a head nobody can tell a short request from a stream, and a short one is never failed by a change: until
 * then `close` is as `drain`. They are linked, not kept in a Set: one that outlives collections of young objects keeps
 * all that ever were in it from being collected young, which doubled the cost of an exchange.
 */
export class OpenStreams implements Swept {
  readonly #ending: Map<Exchange, Ending>
  #first: UnderWay | null
  #size: number
  #isSwept: boolean

  constructor() {
    this.#ending = new Map()
    this.#first = null
    this.#size = 0
    this.#isSwept = false
  }

  get size(): number {
    return this.#size
  }

  /** Newest first. */
  *all(): Generator<UnderWay> {
    for (let one = this.#first; one !== null; one = one.next) yield one
  }

  begin(one: UnderWay): void {
    const first = this.#first
    one.next = first
    if (first !== null) first.previous = one
    this.#first = one
    this.#size += 1
    if (this.#isSwept) return
    this.#isSwept = true
    startSweep(this)
  }

  /** Ends those whose time is over. A timer for each costs more than it is worth. */
  sweep(now: number): boolean {
    let one = this.#first
    while (one !== null) {
      // Where it ends in this call, it is linked no more.
      const { next } = one
      if (now >= one.deadlineAt) one.timeOut()
      one = next
    }
    this.#isSwept = this.#first !== null
    return this.#isSwept
  }

  /** Its answer will take a while. `isEndless`: it has no end of its own. */
  open(one: UnderWay, isEndless: boolean): void {
    one.isOpen = true
    if (this.#ending.size === 0 || !isEndless) return
    const { exchange } = one
    const ending = this.#ending.get(exchange)
    if (ending === undefined || policyOf(exchange).onChange !== 'close') return
    // With its head out first: clients open a stream again that was cut, and give up on one that was refused.
    setImmediate(() => exchange.abort(ending.reason))
  }

  /** One that has not begun is passed over. */
  end(one: UnderWay): void {
    const { exchange, previous, next } = one
    if (previous === null && this.#first !== one) return
    if (previous === null) this.#first = next
    else previous.next = next
    if (next !== null) next.previous = previous
    one.previous = null
    one.next = null
    this.#size -= 1
    if (this.#ending.size === 0) return
    clearTimeout(this.#ending.get(exchange)?.deadline)
    this.#ending.delete(exchange)
  }

  /** Routes were changed or removed. */
  routesChanged(ids: ReadonlySet<string>): void {
    this.#endAll(({ exchange }) => ids.has(exchange.route!.id), 'its route was changed')
  }

  /** Endpoints were removed. */
  endpointsLeft(): void {
    this.#endAll(({ endpoint }) => endpoint?.isDraining === true, 'its endpoint was removed')
  }

  #endAll(isMeant: (one: UnderWay) => boolean, reason: string): void {
    const meant: UnderWay[] = []
    for (let one = this.#first; one !== null; one = one.next) if (isMeant(one)) meant.push(one)
    for (const { exchange, isOpen } of meant)
      if (isOpen) this.#end(exchange, reason)
      else this.#endLater(exchange, reason)
  }

  #end(exchange: Exchange, reason: string): void {
    if (policyOf(exchange).onChange === 'close') exchange.abort(reason)
    else this.#endLater(exchange, reason)
  }

  #endLater(exchange: Exchange, reason: string): void {
    const { onChange, drainMs } = policyOf(exchange)
    if (onChange === 'keep' || this.#ending.has(exchange)) return
    const deadline = setTimeout(() => exchange.abort(reason), drainMs).unref()
    this.#ending.set(exchange, { reason, deadline })
  }
}
