/**
 * A map of a bounded size that forgets what was not set for the longest time, half of it at once: to find the oldest one
 * of a Map costs time that grows with what was deleted from it.
 *
 *     set ──> young ──(full: half the size)──> old ──(the next time)──> forgotten
 */
export class RecentMap<Value> {
  readonly #half: number
  #young: Map<string, Value>
  #old: Map<string, Value>

  constructor(most: number) {
    this.#half = Math.ceil(most / 2)
    this.#young = new Map()
    this.#old = new Map()
  }

  /** Entries, those that are in both halves twice. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: string): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }

  set(key: string, value: Value): void {
    this.#young.set(key, value)
    if (this.#young.size < this.#half) return
    this.#old = this.#young
    this.#young = new Map()
  }
}
