import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import type { Logger } from '../../core/logger.ts'
import { parseSecret } from '../../core/route/secret.ts'

/** A file is looked at again after so long, in the background; a longer one is no secret. */
const checkMs = 5_000
const maxBytes = 65_536

/**
 * A secret by reference. A file that is replaced takes effect within seconds; one that can no longer be read keeps its last
 * text, and one that never could is no secret: nobody has it.
 */
export class LiveSecret {
  readonly #reference: string
  readonly #path: string | null
  readonly #log: Logger
  #text: string | null
  #digest: Buffer | null
  #checkedAt: number
  #isTold: boolean

  constructor(reference: string, log: Logger) {
    const secret = parseSecret(reference)
    this.#reference = reference
    this.#path = secret?.kind === 'file' ? secret.path : null
    this.#log = log
    this.#text = null
    this.#digest = null
    this.#isTold = false
    this.#checkedAt = performance.now()
    if (secret?.kind === 'sha256') this.#digest = Buffer.from(secret.digest, 'hex')
    else if (secret?.kind === 'env') this.#take(process.env[secret.name] ?? '')
    else if (this.#path !== null) {
      try {
        this.#take(readFileSync(this.#path, 'utf8'))
      } catch {
        this.#tell()
      }
    }
  }

  /** Null: there is none, or only its digest is known. */
  get text(): string | null {
    this.#look()
    return this.#text
  }

  /** SHA-256 of the text; null: there is none. */
  get digest(): Buffer | null {
    this.#look()
    return this.#digest
  }

  /** Line breaks at the end are the editor's. */
  #take(read: string): void {
    const text = read.replace(/[\r\n]+$/, '')
    if (text === '' || text.length > maxBytes) return this.#tell()
    this.#isTold = false
    if (text === this.#text) return
    this.#text = text
    this.#digest = createHash('sha256').update(text).digest()
  }

  #tell(): void {
    if (this.#isTold) return
    this.#isTold = true
    this.#log.error('a secret cannot be read, is empty or is too long', {
      reference: this.#reference,
    })
  }

  #look(): void {
    if (this.#path === null) return
    const now = performance.now()
    if (now - this.#checkedAt < checkMs) return
    this.#checkedAt = now
    this.#read(this.#path).then(
      (text) => this.#take(text),
      () => this.#tell(),
    )
  }

  async #read(path: string): Promise<string> {
    const { size } = await stat(path)
    return size > maxBytes ? '' : await readFile(path, 'utf8')
  }
}
