/**
 * Values by text, for look-ups of texts that come from outside, one after another all over it. What is read for one lies in
 * few places: with thousands of entries each place is far away in memory, and costs more than all comparing. A `Map` keeps
 * entries of one hash in a chain, and reads the text of each of them.
 *
 *     slots    [hash, place]  [0, 0]  [hash, place]  ...      entries    text, value, text, value, ...
 *
 * Open addressing, at most half full; nothing is ever taken out but by `clear`.
 */
export class ValueIndex<Value extends object> {
  #slots: Int32Array = new Int32Array(2 * leastSlots)
  #entries: (string | Value)[] = []
  #longest = 0

  get size(): number {
    return this.#entries.length / 2
  }

  get(text: string): Value | undefined {
    // Whoever sends a long one must not have it hashed.
    if (text.length > this.#longest) return undefined
    const slots = this.#slots
    const last = slots.length - 2
    const hash = hashOf(text)
    for (let at = (hash << 1) & last; ; at = (at + 2) & last) {
      const place = slots[at + 1]!
      if (place === 0) return undefined
      if (slots[at] === hash && this.#entries[place - 1] === text)
        return this.#entries[place] as Value
    }
  }

  /** A text that is there already keeps its value. */
  add(text: string, value: Value): void {
    if (this.get(text) !== undefined) return
    this.#longest = Math.max(this.#longest, text.length)
    this.#entries.push(text, value)
    if (this.size * 4 > this.#slots.length) this.#spread()
    else this.#place(hashOf(text), this.#entries.length - 1)
  }

  clear(): void {
    this.#slots = new Int32Array(2 * leastSlots)
    this.#entries = []
    this.#longest = 0
  }

  #place(hash: number, place: number): void {
    const slots = this.#slots
    const last = slots.length - 2
    let at = (hash << 1) & last
    while (slots[at + 1] !== 0) at = (at + 2) & last
    slots[at] = hash
    slots[at + 1] = place
  }

  #spread(): void {
    this.#slots = new Int32Array(2 * this.#slots.length)
    for (let place = 1; place < this.#entries.length; place += 2)
      this.#place(hashOf(this.#entries[place - 1] as string), place)
  }
}

/** A power of two. */
const leastSlots = 16

/** FNV-1a (draft-eastlake-fnv) of UTF-16 code units, with its high bits mixed into the low ones, which choose the slot. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5 | 0
  for (let at = 0; at < text.length; at += 1)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash ^ (hash >>> 15)
}
