/** How fast a body comes, as seen now and then. Only time in which it was waited for counts. */
export class BodyPace {
  readonly #bytesBefore: number
  #bytes: number
  #waitedMs: number
  #lookedAt: number

  /** `bytes`: what the connection had read by then. */
  constructor(bytes: number, now: number) {
    this.#bytesBefore = bytes
    this.#bytes = bytes
    this.#waitedMs = 0
    this.#lookedAt = now
  }

  look(bytes: number, now: number, isWaitedFor: boolean): void {
    if (isWaitedFor) this.#waitedMs += now - this.#lookedAt
    this.#bytes = bytes
    this.#lookedAt = now
  }

  isBelow(bytesPerSecond: number, graceMs: number): boolean {
    if (this.#waitedMs <= graceMs) return false
    return (this.#bytes - this.#bytesBefore) * 1_000 < bytesPerSecond * this.#waitedMs
  }
}
