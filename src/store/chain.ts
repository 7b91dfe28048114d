import { createHash } from 'node:crypto'
import type { Json } from '../core/json.ts'

/*
 * The form of every file of the local store: lines of JSON, each sealed with a SHA-256 over the seal of the line
 * before and its own text.
 *
 *     {"hash":"<64 hex>","entry":{...}}
 *                │
 *                └─ SHA-256(hash of the line before + text of the entry); '' is before the first line
 *
 * A line that was changed, left out, put in or moved does not verify, nor does any that follows.
 */

const head = '{"hash":"'
const middle = '","entry":'
const hashStart = head.length
const hashEnd = hashStart + 64
const entryStart = hashEnd + middle.length
const newline = 10
const closingBrace = 125
const headBytes = Buffer.from(head)
const middleBytes = Buffer.from(middle)

/** No line is shorter: the bound for how many lines a stretch of lost bytes may have held. */
export const shortestLine = 100

/** A line that verifies, and where the next one begins. */
export interface SealedLine {
  /** JSON text, as it lies in the file. */
  readonly text: Buffer
  readonly hash: string
  readonly end: number
}

/** What a line that verifies says. */
export interface ChainLine {
  readonly entry: Json
  readonly hash: string
  readonly end: number
}

const digest = (previous: string, entry: string | Uint8Array): string =>
  createHash('sha256').update(previous).update(entry).digest('hex')

/** Writes an entry, given as JSON text, as the line after the one whose hash is `previous`. */
export function sealLine(previous: string, entry: string): { line: string; hash: string } {
  const hash = digest(previous, entry)
  return { line: `${head}${hash}${middle}${entry}}\n`, hash }
}

/** The line that starts at `start`, or null: there is none that verifies. */
export function readSealed(bytes: Buffer, start: number, previous: string): SealedLine | null {
  const end = bytes.indexOf(newline, start)
  if (end === -1 || end - start <= entryStart || bytes[end - 1] !== closingBrace) return null
  if (!isAt(bytes, start, headBytes) || !isAt(bytes, start + hashEnd, middleBytes)) return null
  const hash = bytes.toString('latin1', start + hashStart, start + hashEnd)
  const text = bytes.subarray(start + entryStart, end - 1)
  return digest(previous, text) === hash ? { text, hash, end: end + 1 } : null
}

/** The same, read. What verifies was written by us; JSON.parse makes `__proto__` a key like any other. */
export function readLine(bytes: Buffer, start: number, previous: string): ChainLine | null {
  const line = readSealed(bytes, start, previous)
  if (line === null) return null
  const { text, hash, end } = line
  return { entry: JSON.parse(text.toString('utf8')) as Json, hash, end }
}

/** The hash that a line claims to have, verified or not; null: it is no line. */
export function claimedHash(bytes: Buffer, start: number): string | null {
  if (!isAt(bytes, start, headBytes) || !isAt(bytes, start + hashEnd, middleBytes)) return null
  return bytes.toString('latin1', start + hashStart, start + hashEnd)
}

const isAt = (bytes: Buffer, start: number, wanted: Buffer): boolean =>
  start + wanted.length <= bytes.length &&
  bytes.compare(wanted, 0, wanted.length, start, start + wanted.length) === 0
