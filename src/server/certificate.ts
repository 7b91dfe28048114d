import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { problem, TurnoutError, type Problem } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'

/** Files in PEM. The certificate may have its chain behind it. */
export interface CertificateFiles {
  readonly key: string
  readonly cert: string
}

/** What the files hold. */
export interface Pair {
  readonly key: string
  readonly cert: string
}

const pollMs = 1_000

async function readPair(files: CertificateFiles): Promise<Pair> {
  try {
    return { key: await readFile(files.key, 'utf8'), cert: await readFile(files.cert, 'utf8') }
  } catch (error) {
    throw new TurnoutError('TURNOUT_TLS_FILES', { reason: thrownMessage(error) }, { cause: error })
  }
}

const unusable = (file: string, reason: string): Problem =>
  problem('TURNOUT_TLS_INVALID', { file, reason })

/** Why a pair cannot be used at all, or null. */
function fitProblem({ key, cert }: Pair, file: string): Problem | null {
  try {
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      return unusable(file, 'it does not belong to the key')
    }
    createSecureContext({ key, cert })
    return null
  } catch (error) {
    return unusable(file, thrownMessage(error))
  }
}

/** Why clients would refuse a certificate now, or null. `now` in ms since 1970. */
function timeProblem({ cert }: Pair, file: string, now: number): Problem | null {
  const { validFrom, validTo } = new X509Certificate(cert)
  if (now >= Date.parse(validTo)) return unusable(file, `it has expired on ${validTo}`)
  if (now < Date.parse(validFrom)) return unusable(file, `it is not valid before ${validFrom}`)
  return null
}

/** Changes when a file is written or replaced, also by a link that leads elsewhere. */
async function markOf({ key, cert }: CertificateFiles): Promise<string> {
  const mark = async (file: string): Promise<string> => {
    const status = await stat(file).catch(() => null)
    return status === null ? '-' : `${status.ino} ${status.size} ${status.mtimeMs}`
  }
  return `${await mark(key)} ${await mark(cert)}`
}

/** Who is told of a certificate. */
export interface CertificateEvents {
  readonly onPair: (pair: Pair) => void
  readonly onProblem: (found: Problem) => void
}

/**
 * Key and certificate of a listener, read again when their files change. Files that stand still for one poll count as
 * written; a pair that cannot be used is told once and changes nothing. Open until `close`.
 */
export class Certificate {
  readonly #files: CertificateFiles
  readonly #events: CertificateEvents
  readonly #timer: NodeJS.Timeout
  /** Of the files as they were read last, and as they were seen last. */
  #read: string
  #seen: string
  #polling: Promise<void> | null

  private constructor(files: CertificateFiles, mark: string, events: CertificateEvents) {
    this.#files = files
    this.#events = events
    this.#read = mark
    this.#seen = mark
    this.#polling = null
    this.#timer = setInterval(() => void this.#poll(), pollMs)
    this.#timer.unref()
  }

  /** Rejects with TURNOUT_TLS_FILES or TURNOUT_TLS_INVALID. One that is out of its time is told, and served. */
  static async open(
    files: CertificateFiles,
    events: CertificateEvents,
    now: number = Date.now(),
  ): Promise<{ readonly certificate: Certificate; readonly pair: Pair }> {
    const mark = await markOf(files)
    const pair = await readPair(files)
    const unfit = fitProblem(pair, files.cert)
    if (unfit !== null) throw TurnoutError.of(unfit)
    // A start that fails would be worse than what clients say to it.
    const late = timeProblem(pair, files.cert, now)
    if (late !== null) events.onProblem(late)
    return { certificate: new Certificate(files, mark, events), pair }
  }

  /** Reads the files now, whether they look changed or not. True where the pair is served from now on. */
  async renew(now: number = Date.now()): Promise<boolean> {
    this.#read = await markOf(this.#files)
    this.#seen = this.#read
    try {
      const pair = await readPair(this.#files)
      const { cert } = this.#files
      const found = fitProblem(pair, cert) ?? timeProblem(pair, cert, now)
      if (found === null) {
        this.#events.onPair(pair)
        return true
      }
      this.#events.onProblem(found)
    } catch (error) {
      const { code, message } = error as TurnoutError
      this.#events.onProblem({ code, message })
    }
    return false
  }

  async #poll(): Promise<void> {
    if (this.#polling !== null) return
    this.#polling = this.#look()
    await this.#polling
    this.#polling = null
  }

  async #look(): Promise<void> {
    const mark = await markOf(this.#files)
    const isStill = mark === this.#seen
    this.#seen = mark
    if (isStill && mark !== this.#read) await this.renew()
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
