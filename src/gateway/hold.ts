import type { Exchange } from './exchange.ts'
import type { LiveVersion } from './snapshot.ts'

/**
 * A hold of one exchange on one module version: the version is not disposed of before it is given back. Those of a version
 * are linked: a Set would hash each one, which costs more than a route's look-up.
 */
export class Hold {
  readonly exchange: Exchange
  readonly version: LiveVersion
  /** The next one of the same exchange. */
  readonly following: Hold | null
  /** Neighbours among those on the same version; the version's own business. */
  previous: Hold | null
  next: Hold | null
  #isHeld: boolean

  constructor(exchange: Exchange, version: LiveVersion, following: Hold | null) {
    this.exchange = exchange
    this.version = version
    this.following = following
    this.previous = null
    this.next = null
    this.#isHeld = true
    version.acquire(this)
  }

  /** Gives it back; a second time does nothing. */
  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.version.release(this)
  }
}
