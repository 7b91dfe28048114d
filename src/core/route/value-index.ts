/** No text lies further from its slot: so many are looked at, whatever is asked for. */
const mostSteps = 64
/** A power of two. */
const leastSlots = 16

/**
 * Values by text, for look-ups of texts that come from outside, one after another all over it. What is read for one lies in
 * few places: with thousands of entries each place is far away in memory, and costs more than all comparing. A `Map` keeps
 * entries of one hash in a chain, and reads the text of each of them.
 *
 *     slots    [hash, place]  [0, 0]  [hash, place]  ...      entries    text, value, text, value, ...
 *
 * Open addressing, at most half full; nothing is ever taken out but by `clear`. Texts that somebody chose so that they lie
 * together are kept in a `Map` after all, whose hash nobody knows.
 */
export class ValueIndex<Value extends object> {
  #slots: Int32Array = new Int32Array(2 * leastSlots)
  #entries: (string | Value)[] = []
  #longest = 0
  #map: Map<string, Value> | null = null

  get size(): number {
    return this.#entries.length / 2
  }

  get(text: string): Value | undefined {
    // Whoever sends a long one must not have it hashed.
    if (text.length > this.#longest) return undefined
    if (this.#map !== null) return this.#map.get(text)
    const slots = this.#slots
    const last = slots.length - 2
    const hash = hashOf(text)
    let at = (hash << 1) & last
    for (let steps = 0; steps <= mostSteps; steps += 1) {
      const place = slots[at + 1]!
      if (place === 0) return undefined
      if (slots[at] === hash && this.#entries[place - 1] === text)
        return this.#entries[place] as Value
      at = (at + 2) & last
    }
    return undefined
  }

  /** A text that is there already keeps its value. */
  add(text: string, value: Value): void {
    if (this.get(text) !== undefined) return
    this.#longest = Math.max(this.#longest, text.length)
    this.#entries.push(text, value)
    if (this.#map !== null) this.#map.set(text, value)
    else if (this.size * 4 > this.#slots.length) this.#spread()
    else this.#place(text, this.#entries.length - 1)
  }

  clear(): void {
    this.#slots = new Int32Array(2 * leastSlots)
    this.#entries = []
    this.#longest = 0
    this.#map = null
  }

  #place(text: string, place: number): void {
    const slots = this.#slots
    const last = slots.length - 2
    const hash = hashOf(text)
    let at = (hash << 1) & last
    for (let steps = 0; slots[at + 1] !== 0; steps += 1) {
      if (steps === mostSteps) return this.#fallBack()
      at = (at + 2) & last
    }
    slots[at] = hash
    slots[at + 1] = place
  }

  #spread(): void {
    this.#slots = new Int32Array(2 * this.#slots.length)
    for (let place = 1; place < this.#entries.length && this.#map === null; place += 2)
      this.#place(this.#entries[place - 1] as string, place)
  }

  #fallBack(): void {
    this.#map = new Map()
    for (let place = 1; place < this.#entries.length; place += 2)
      this.#map.set(this.#entries[place - 1] as string, this.#entries[place] as Value)
  }
}

/** FNV-1a (draft-eastlake-fnv) of UTF-16 code units, with its high bits mixed into the low ones, which choose the slot. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5 | 0
  for (let at = 0; at < text.length; at += 1)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash ^ (hash >>> 15)
}
