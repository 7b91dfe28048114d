import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../../core/route/secret.ts'
import { RecentMap } from './recent-map.ts'

type Scrypt = Extract<Secret, { readonly kind: 'scrypt' }>

/** Checks under way at once, and such that wait: each takes a thread for tens of ms. */
const maxRunning = 2
const maxWaiting = 32
const maxProven = 1_000

/** Checks passwords against hashes that are slow on purpose. What was proven once is not proven again at once. */
export class ScryptCheck {
  /** Tells passwords apart without keeping them. */
  readonly #salt: Buffer
  readonly #proven: RecentMap<true>
  readonly #waiting: (() => void)[]
  #running: number

  constructor() {
    this.#salt = randomBytes(32)
    this.#proven = new RecentMap(maxProven)
    this.#waiting = []
    this.#running = 0
  }

  get size(): number {
    return this.#proven.size
  }

  /** Null: too many are checked already. At once, where it was proven before. */
  check(password: string, secret: Scrypt): boolean | null | Promise<boolean | null> {
    const proof = createHmac('sha256', this.#salt)
      .update(JSON.stringify([secret.hash, secret.salt, password]))
      .digest('base64')
    if (this.#proven.get(proof) === true) return true
    if (this.#running >= maxRunning && this.#waiting.length >= maxWaiting) return null
    return this.#run(password, secret).then((isRight) => {
      if (isRight) this.#proven.set(proof, true)
      return isRight
    })
  }

  async #run(password: string, secret: Scrypt): Promise<boolean> {
    // Whoever ends hands its place on.
    if (this.#running < maxRunning) this.#running += 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await isRight(password, secret)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }
}

function isRight(password: string, secret: Scrypt): Promise<boolean> {
  const { cost, blockSize, parallel, salt, hash } = secret
  const expected = Buffer.from(hash, 'base64url')
  const options = { N: cost, r: blockSize, p: parallel, maxmem: 256 * 1024 * 1024 }
  return new Promise((resolve) => {
    const bytes = Buffer.from(salt, 'base64url')
    scrypt(password, bytes, expected.length, options, (error, made) =>
      resolve(error === null && timingSafeEqual(made, expected)),
    )
  })
}
