import type { Offence } from './offence.ts'

/** Most that are told in a second. */
const mostPerSecond = 5
/** Most that wait with their counts; of more, those that came last are left out. */
const mostWaiting = 100

interface Waiting {
  readonly offence: Offence
  readonly error: unknown
}

/** Tells offences: each at once, unless there are too many; those of one kind are counted then, and told in the next second. */
export class Telling {
  readonly #tell: (offence: Offence, error: unknown) => void
  readonly #waiting: Map<string, Waiting>
  #left: number
  #timer: NodeJS.Timeout | null

  constructor(tell: (offence: Offence, error: unknown) => void) {
    this.#tell = tell
    this.#waiting = new Map()
    this.#left = mostPerSecond
    this.#timer = null
  }

  add(offence: Offence, error: unknown): void {
    this.#timer ??= setTimeout(() => this.#next(), 1000).unref()
    const { module, version, digest, kind } = offence
    const key = `${module} ${version} ${digest} ${kind}`
    const before = this.#waiting.get(key)
    if (before !== undefined) {
      const count = before.offence.count + offence.count
      this.#waiting.set(key, { offence: { ...before.offence, count }, error: before.error })
    } else if (this.#left > 0) {
      this.#left -= 1
      this.#tell(offence, error)
    } else if (this.#waiting.size < mostWaiting) this.#waiting.set(key, { offence, error })
  }

  /** Tells what waits. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    for (const { offence, error } of this.#waiting.values()) this.#tell(offence, error)
    this.#waiting.clear()
  }

  #next(): void {
    this.#timer = null
    this.#left = mostPerSecond
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { offence, error } of waiting) this.add(offence, error)
  }
}
