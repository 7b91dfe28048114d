import { isInBlock, parseAddress, parseBlock, type Block } from '../core/address.ts'

const loopback: readonly Block[] = ['127.0.0.0/8', '::1'].flatMap((text) => parseBlock(text) ?? [])

/**
 * Counts what each address holds. Of version 6, the block that one customer is given counts as one. Loopback and trusted
 * proxies are not counted: behind one of them are many.
 */
export class AddressCount {
  readonly #limit: number
  readonly #exempt: readonly Block[]
  readonly #counts: Map<string, number>

  constructor(limit: number, trusted: readonly Block[]) {
    this.#limit = limit
    this.#exempt = [...loopback, ...trusted]
    this.#counts = new Map()
  }

  /** Null: one too many. Else what gives it back. */
  acquire(remoteAddress: string | undefined): (() => void) | null {
    const address = remoteAddress === undefined ? null : parseAddress(remoteAddress)
    if (this.#limit === 0 || address === null) return nothing
    if (this.#exempt.some((block) => isInBlock(address, block))) return nothing
    const key = address.slice(0, 4).join(':')
    const count = this.#counts.get(key) ?? 0
    if (count >= this.#limit) return null
    this.#counts.set(key, count + 1)
    return () => this.#release(key)
  }

  #release(key: string): void {
    const count = this.#counts.get(key)!
    if (count === 1) this.#counts.delete(key)
    else this.#counts.set(key, count - 1)
  }
}

const nothing = (): void => undefined
