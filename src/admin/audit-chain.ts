import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import * as z from 'zod'

/** What is written down of a request that changes something. Tokens and bodies are not; a body's digest is. */
export type AuditEntry =
  | {
      readonly kind: 'intent'
      /** Of the request: its result has the same. */
      readonly id: string
      /** Name and id of the token. */
      readonly who: string
      readonly token: string | null
      readonly from: string
      readonly method: string
      readonly target: string
      /** SHA-256 of the body, hex; null: there was none. */
      readonly body: string | null
      /** What was served when the request came. */
      readonly revision: number
      readonly digest: string
    }
  | {
      readonly kind: 'result'
      readonly id: string
      readonly status: number
      readonly code: string | null
      readonly revision: number
      readonly digest: string
    }
  /** Of an intent that the process did not outlive. `aborted`: nothing was published; `unknown`: that is not sure. */
  | {
      readonly kind: 'aborted' | 'unknown'
      readonly id: string
      readonly revision: number
      readonly digest: string
    }
  | {
      readonly kind: 'opened'
      readonly revision: number
      readonly digest: string
      /** The log before, which was put aside because it was changed; null: this one goes on. */
      readonly damaged: string | null
    }

/** Where a chain of records ends: how many there are, and the hash of the last. */
export interface ChainHead {
  readonly records: number
  readonly hash: string
}

/** What a log came to when it was read from its beginning. */
export interface AuditReading {
  readonly head: ChainHead
  /** The first line that is not what was written, from 1, and why; null: every line is. */
  readonly fault: { readonly line: number; readonly reason: string } | null
  /** Intents without a result. */
  readonly open: readonly OpenIntent[]
}

export interface OpenIntent {
  readonly id: string
  readonly revision: number
  readonly digest: string
}

export const emptyChain: ChainHead = { records: 0, hash: '0'.repeat(64) }

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/**
 * The next line of a chain. Its hash covers the whole line but the hash itself, and with `previous` all lines before:
 *
 *     {"number":7,"at":...,"previous":"<hash of 6>",...,"hash":"<hash of this up to here>"}
 */
export function chainLine(
  head: ChainHead,
  at: string,
  entry: AuditEntry,
): { readonly line: string; readonly head: ChainHead } {
  const number = head.records + 1
  const text = JSON.stringify({ number, at, previous: head.hash, ...entry })
  const hash = hashOf(text)
  return { line: `${text.slice(0, -1)},"hash":"${hash}"}`, head: { records: number, hash } }
}

const lineForm = /^(\{.*),"hash":"([0-9a-f]{64})"\}$/
const recordSchema = z.looseObject({
  number: z.number(),
  previous: z.string(),
  kind: z.string(),
  id: z.string().optional(),
  revision: z.number(),
  digest: z.string(),
})

/** Reads one line after `head`; a sentence where it is not what was written there. */
const readLine = (line: string, head: ChainHead): z.infer<typeof recordSchema> | string => {
  const [, text, hash] = lineForm.exec(line) ?? []
  if (text === undefined || hashOf(`${text}}`) !== hash) return 'the line is not what was written'
  const { data } = recordSchema.safeParse(JSON.parse(line))
  if (data === undefined) return 'the line is not a record'
  if (data.number !== head.records + 1 || data.previous !== head.hash)
    return 'lines in front of it are missing or were exchanged'
  return data
}

/**
 * Reads a log line by line and checks the chain. A chain cannot tell by itself that its end was cut off: compare `head`
 * with one that was kept elsewhere. Rejects when the file cannot be read; one that is not there is empty.
 */
export async function readChain(path: string): Promise<AuditReading> {
  const open = new Map<string, OpenIntent>()
  let head = emptyChain
  let fault: AuditReading['fault'] = null
  const input = createReadStream(path, 'utf8')
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      const record = readLine(line, head)
      if (typeof record === 'string') {
        fault = { line: head.records + 1, reason: record }
        break
      }
      head = { records: record.number, hash: line.slice(-66, -2) }
      const { kind, id, revision, digest } = record
      if (kind === 'intent' && id !== undefined) open.set(id, { id, revision, digest })
      else if (id !== undefined) open.delete(id)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  } finally {
    input.destroy()
  }
  return { head, fault, open: [...open.values()] }
}
