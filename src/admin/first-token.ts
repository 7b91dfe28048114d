import { randomBytes } from 'node:crypto'
import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TurnoutError } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'
import { writeDurably } from '../store/durable-file.ts'

/** The token that may do everything, and where it comes from. */
export interface FirstToken {
  readonly token: string
  /** Null: it was given as `TURNOUT_ADMIN_TOKEN`. */
  readonly file: string | null
  /** Made just now: this is the time to tell people. */
  readonly isNew: boolean
}

const shortest = 32

/**
 * The admin token of a data folder: `given` (the value of `TURNOUT_ADMIN_TOKEN`), else that of `admin-token` in the
 * folder, else a new one of 256 random bits, written there with mode 0600.
 *
 * Rejects with TURNOUT_ADMIN_TOKEN_INVALID when it is too short, or others may read the file.
 */
export async function openFirstToken(
  directory: string,
  given: string | undefined,
): Promise<FirstToken> {
  if (given !== undefined && given !== '') {
    demandForm(given, 'TURNOUT_ADMIN_TOKEN')
    return { token: given, file: null, isNew: false }
  }
  const file = join(directory, 'admin-token')
  try {
    return (await readToken(file)) ?? (await makeToken(file))
  } catch (error) {
    throw error instanceof TurnoutError ? error : invalid(file, thrownMessage(error), error)
  }
}

const invalid = (source: string, reason: string, cause?: unknown): TurnoutError =>
  new TurnoutError('TURNOUT_ADMIN_TOKEN_INVALID', { source, reason }, { cause })

const demandForm = (token: string, source: string): void => {
  if (token.length < shortest) throw invalid(source, `it is shorter than ${shortest} characters`)
  if (!/^[\w.~+/=-]*$/.test(token)) throw invalid(source, 'it has characters that no token has')
}

const readToken = async (file: string): Promise<FirstToken | null> => {
  try {
    const status = await lstat(file)
    if (!status.isFile()) throw invalid(file, 'it is not a file')
    // Windows has no such bits.
    if (process.platform !== 'win32' && (status.mode & 0o077) !== 0)
      throw invalid(file, 'others than its owner may read or write it; run chmod 600 on it')
    const token = (await readFile(file, 'utf8')).trim()
    demandForm(token, file)
    return { token, file, isNew: false }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

const makeToken = async (file: string): Promise<FirstToken> => {
  const token = randomBytes(32).toString('base64url')
  // In one step: a process that is killed here must not leave a file without its token, which no start accepts.
  await writeDurably(file, `${token}\n`, 'admin.token')
  return { token, file, isNew: true }
}
