import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { TurnoutError } from '../core/errors.ts'
import { thrownMessage } from '../core/thrown.ts'
import { writeDurably } from '../store/durable-file.ts'
import type { TokenItem } from './answers.ts'
import { parseScope, type Scope } from './scope.ts'

/** A token as it is kept: what it is, never the token itself. */
interface Kept {
  readonly id: string
  readonly name: string
  /** SHA-256, hex. */
  readonly digest: string
  readonly scopes: readonly string[]
  readonly createdAt: number
  readonly expiresAt: number | null
}

/** What a token turned out to be. */
export interface Known {
  readonly token: string
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresAt: number | null
}

export interface NewToken {
  readonly name: string
  readonly scopes: readonly string[]
  readonly expiresAt: number | null
}

/** The tokens of an instance. */
export interface TokenStore {
  /** Null: nobody has this token, or it has expired. */
  find(token: string, now: number): Known | null
  /** Whether a token that was found is still good. */
  isValid(id: string, now: number): boolean
  list(): readonly TokenItem[]
  get(id: string): TokenItem | null
  /** Resolves when it is on the disk. Rejects with TURNOUT_TOKEN_EXISTS or TURNOUT_TOKENS_FAILED. */
  create(token: NewToken, now: number): Promise<TokenItem & { readonly token: string }>
  /** False: there is none. */
  remove(id: string): Promise<boolean>
}

/** Name and id of the token that an instance makes on its first start. */
export const firstToken = 'admin-token'
const maxTokens = 1_000
const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest()

const fileSchema = z.strictObject({
  version: z.literal(1),
  tokens: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string(),
      digest: z.string().regex(/^[0-9a-f]{64}$/),
      scopes: z.array(z.string()),
      createdAt: z.number(),
      expiresAt: z.number().nullable(),
    }),
  ),
})

const scopesOf = (texts: readonly string[]): Scope[] =>
  texts.map(parseScope).filter((scope) => typeof scope !== 'string')

const itemOf = ({ id, name, scopes, createdAt, expiresAt }: Kept): TokenItem => ({
  id,
  name,
  scopes,
  createdAt: new Date(createdAt).toISOString(),
  expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
})

const failed = (path: string, reason: string, cause?: unknown): TurnoutError =>
  new TurnoutError('TURNOUT_TOKENS_FAILED', { file: path, reason }, { cause })

const readTokens = async (path: string): Promise<readonly Kept[]> => {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw failed(path, thrownMessage(error), error)
  }
  try {
    return fileSchema.parse(JSON.parse(text)).tokens
  } catch (error) {
    // Going on without would lock people out, or let the next write lose what is there.
    throw failed(path, 'it is not what Turnout wrote', error)
  }
}

/**
 * Opens the tokens of a data folder, `tokens.json`. `first` is the token of the first start, which may do everything.
 * A token is `ID.SECRET`: the id finds it, the digest of the whole is compared in constant time.
 *
 * Rejects with TURNOUT_TOKENS_FAILED when the file is not readable.
 */
export async function openTokens(directory: string, first: string): Promise<TokenStore> {
  const path = join(directory, 'tokens.json')
  const firstDigest = digestOf(first)
  let tokens = new Map((await readTokens(path)).map((token) => [token.id, token]))
  let writing: Promise<unknown> = Promise.resolve()

  const save = async <Result>(
    make: (tokens: Map<string, Kept>) => Result,
    before: Promise<unknown>,
  ): Promise<Result> => {
    await before
    const next = new Map(tokens)
    const result = make(next)
    const data = JSON.stringify({ version: 1, tokens: [...next.values()] })
    await writeDurably(path, data, 'admin.tokens').catch((error: unknown) => {
      throw failed(path, thrownMessage(error), error)
    })
    tokens = next
    return result
  }
  /** One write after the other; memory follows the disk. */
  const change = <Result>(make: (tokens: Map<string, Kept>) => Result): Promise<Result> => {
    const saved = save(make, writing)
    writing = saved.catch(() => undefined)
    return saved
  }
  const isGood = ({ expiresAt }: Kept, now: number): boolean =>
    expiresAt === null || now < expiresAt

  return {
    find: (token, now) => {
      const digest = digestOf(token)
      if (timingSafeEqual(digest, firstDigest)) {
        return { token: firstToken, name: firstToken, scopes: [{ kind: 'admin' }], expiresAt: null }
      }
      const kept = tokens.get(token.slice(0, token.indexOf('.')))
      // Compared even where there is none, so that the time does not tell which ids there are.
      const isSame = timingSafeEqual(digest, kept ? Buffer.from(kept.digest, 'hex') : firstDigest)
      if (kept === undefined || !isSame || !isGood(kept, now)) return null
      const { id, name, scopes, expiresAt } = kept
      return { token: id, name, scopes: scopesOf(scopes), expiresAt }
    },
    isValid: (id, now) => {
      const kept = tokens.get(id)
      return id === firstToken || (kept !== undefined && isGood(kept, now))
    },
    list: () => [...tokens.values()].map(itemOf),
    get: (id) => {
      const kept = tokens.get(id)
      return kept === undefined ? null : itemOf(kept)
    },
    create: ({ name, scopes, expiresAt }, now) =>
      change((next) => {
        const isTaken = [...next.values()].some((token) => token.name === name)
        if (isTaken || name === firstToken) throw new TurnoutError('TURNOUT_TOKEN_EXISTS', { name })
        if (next.size >= maxTokens) throw failed(path, `there are ${maxTokens} tokens already`)
        const id = randomBytes(8).toString('hex')
        const token = `${id}.${randomBytes(32).toString('base64url')}`
        const digest = digestOf(token).toString('hex')
        const kept: Kept = { id, name, digest, scopes, createdAt: now, expiresAt }
        next.set(id, kept)
        return { ...itemOf(kept), token }
      }),
    remove: async (id) => (tokens.has(id) ? change((next) => next.delete(id)) : false),
  }
}
