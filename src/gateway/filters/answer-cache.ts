/** An answer that is kept. Nobody changes its bytes. */
export interface Kept {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: string | Uint8Array | null
  /** ms of the monotonic clock, as is `until`: when it was new, by what it said of its age. */
  readonly bornAt: number
  readonly until: number
}

interface Node {
  readonly key: string
  readonly kept: Kept
  readonly bytes: number
  newer: Node | null
  older: Node | null
}

/** What an entry takes beside its texts. */
const overhead = 512

/**
 * Answers by key, so many bytes of them; what was not asked for the longest goes first.
 *
 *     oldest <── older ── node ── newer ──> newest
 */
export class AnswerCache {
  readonly #most: number
  /** One answer never takes the place of all others. */
  readonly mostOfOne: number
  readonly #nodes: Map<string, Node>
  #newest: Node | null
  #oldest: Node | null
  #bytes: number
  /** Bytes of answers that are still coming. */
  #coming: number

  constructor(most: number) {
    this.#most = most
    this.mostOfOne = Math.floor(most / 4)
    this.#nodes = new Map()
    this.#newest = null
    this.#oldest = null
    this.#bytes = 0
    this.#coming = 0
  }

  get size(): number {
    return this.#nodes.size
  }

  get bytes(): number {
    return this.#bytes + this.#coming
  }

  get(key: string, now: number): Kept | null {
    const node = this.#nodes.get(key)
    if (node === undefined) return null
    this.#remove(node)
    if (node.kept.until <= now) return null
    this.#insert(node)
    return node.kept
  }

  set(key: string, kept: Kept): void {
    const known = this.#nodes.get(key)
    if (known !== undefined) this.#remove(known)
    const bytes = costOf(key, kept)
    if (bytes > this.mostOfOne) return
    this.#insert({ key, kept, bytes, newer: null, older: null })
    this.#makeRoom()
  }

  delete(key: string): void {
    const known = this.#nodes.get(key)
    if (known !== undefined) this.#remove(known)
  }

  /** Room for bytes that come; false: there is none, for others come too. */
  reserve(bytes: number): boolean {
    if (this.#coming + bytes > this.#most) return false
    this.#coming += bytes
    this.#makeRoom()
    return true
  }

  release(bytes: number): void {
    this.#coming -= bytes
  }

  #makeRoom(): void {
    while (this.#oldest !== null && this.bytes > this.#most) this.#remove(this.#oldest)
  }

  #insert(node: Node): void {
    node.older = this.#newest
    node.newer = null
    if (this.#newest !== null) this.#newest.newer = node
    this.#newest = node
    this.#oldest ??= node
    this.#nodes.set(node.key, node)
    this.#bytes += node.bytes
  }

  #remove(node: Node): void {
    if (node.newer === null) this.#newest = node.older
    else node.newer.older = node.older
    if (node.older === null) this.#oldest = node.newer
    else node.older.newer = node.newer
    this.#nodes.delete(node.key)
    this.#bytes -= node.bytes
  }
}

function costOf(key: string, { headers, body }: Kept): number {
  const texts = headers.reduce((sum, text) => sum + text.length, key.length)
  const bytes = typeof body === 'string' ? body.length * 2 : (body?.byteLength ?? 0)
  return overhead + texts * 2 + bytes
}
