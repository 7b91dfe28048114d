interface Touch {
  /** When it last moved: a hint came, or a look saw something else than the look before. */
  movedAt: number
  /** The key of the last look, and when that was first seen. */
  seen: string | undefined
  seenAt: number
}

/**
 * The paths of a burst that are not known to be at rest. A path is at rest when nothing was heard of it for
 * `settleMs` and two looks, half of that apart, saw the same.
 *
 *     hint   hint              look 1             look 2
 *      |------|------ 1/2 ------|------ 1/2 ------|  at rest
 *
 * Pure: all times come in as `now` (milliseconds, monotonic).
 */
export class Settling {
  readonly #touched = new Map<string, Touch>()
  readonly #settleMs: number
  readonly #maxWaitMs: number
  #startedAt: number | undefined

  constructor(settleMs: number, maxWaitMs: number) {
    this.#settleMs = settleMs
    this.#maxWaitMs = maxWaitMs
  }

  get paths(): string[] {
    return [...this.#touched.keys()]
  }

  get isEmpty(): boolean {
    return this.#touched.size === 0
  }

  has(path: string): boolean {
    return this.#touched.has(path)
  }

  /** Something may have happened to the path. */
  touch(path: string, now: number): void {
    this.#startedAt ??= now
    this.#touched.set(path, { movedAt: now, seen: undefined, seenAt: now })
  }

  /** A look saw this state. */
  see(path: string, key: string, now: number): void {
    const touch = this.#touched.get(path)
    if (touch === undefined || touch.seen === key) return
    if (touch.seen !== undefined) touch.movedAt = now
    touch.seen = key
    touch.seenAt = now
  }

  isAtRest(path: string, now: number): boolean {
    const touch = this.#touched.get(path)
    return touch === undefined || (touch.seen !== undefined && now >= this.#restAt(touch))
  }

  /** The burst has lasted so long that what is at rest goes without the others. */
  isOverdue(now: number): boolean {
    return this.#startedAt !== undefined && now >= this.#startedAt + this.#maxWaitMs
  }

  /** When to look next; undefined when nothing is touched. */
  nextLookAt(): number | undefined {
    if (this.#startedAt === undefined) return undefined
    let restAt = 0
    let unseenAt = 0
    for (const touch of this.#touched.values()) {
      if (touch.seen === undefined) unseenAt = Math.max(unseenAt, touch.movedAt)
      else restAt = Math.max(restAt, this.#restAt(touch))
    }
    const next = unseenAt > 0 ? unseenAt + this.#settleMs / 2 : restAt
    return Math.min(next, this.#startedAt + this.#maxWaitMs)
  }

  /** Takes these paths out; the wait of what remains starts anew. */
  drop(paths: Iterable<string>, now: number): void {
    for (const path of paths) this.#touched.delete(path)
    this.#startedAt = this.#touched.size === 0 ? undefined : now
  }

  #restAt(touch: Touch): number {
    return Math.max(touch.movedAt + this.#settleMs, touch.seenAt + this.#settleMs / 2)
  }
}
