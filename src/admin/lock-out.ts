/** Wrong tokens in a row from one address. Plain data. */
interface Failures {
  readonly count: number
  /** Milliseconds. */
  readonly lockedUntil: number
}

/** Wrong tokens of addresses; bounded. */
export interface LockOut {
  /** How long a wrong token of this address is answered 429 without more; 0: it is not locked out. */
  waitMs(address: string, now: number): number
  fail(address: string, now: number): void
  succeed(address: string): void
}

const free = 5
const firstMs = 1_000
const longestMs = 60_000
const maxAddresses = 10_000

/**
 * After 5 wrong tokens in a row an address is locked out for a second, then for two, up to a minute. A right token is
 * let in all the while: tokens are too long to be guessed, and an address may be shared, so a stranger on the same
 * machine must not shut the operator out.
 */
export function createLockOut(): LockOut {
  const addresses = new Map<string, Failures>()
  return {
    waitMs: (address, now) => Math.max(0, (addresses.get(address)?.lockedUntil ?? 0) - now),
    fail: (address, now) => {
      const count = (addresses.get(address)?.count ?? 0) + 1
      const lockMs = Math.min(longestMs, firstMs * 2 ** Math.min(16, count - free))
      // Put anew, so that the one that was quiet for longest is the first to be forgotten.
      addresses.delete(address)
      addresses.set(address, { count, lockedUntil: count < free ? 0 : now + lockMs })
      if (addresses.size > maxAddresses) addresses.delete(addresses.keys().next().value!)
    },
    succeed: (address) => addresses.delete(address),
  }
}
