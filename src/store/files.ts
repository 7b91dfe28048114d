import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { thrownMessage } from '../core/thrown.ts'
import { readLine, sealLine } from './chain.ts'
import { writeDurably } from './durable-file.ts'
import { isDamage } from './folder.ts'
import { fieldsOf, positionOf, schema, type Position } from './position.ts'
import { segmentBegin, segmentHead, type Begin } from './segment.ts'

/*
 * The files of the local store, in DIRECTORY/revisions. N is the number of a segment.
 *
 *     journal-N.ndjson       what was published from a position on
 *     checkpoint-N.ndjson    all objects at that position; missing where it was not finished
 *     inventory.json         an inventory of what was there when it was written
 *     damaged/               what did not verify
 */

/** A segment of the journal that records were or are written to. */
export interface Segment {
  readonly number: number
  readonly begin: Begin
}

/** What is in the folder and may be read. The writer, the reader and the compaction share it. */
export interface Files {
  readonly directory: string
  /** In order; the last one is written to. */
  readonly segments: Segment[]
  /** Number of a segment, and bytes of the checkpoint at its begin. */
  readonly checkpoints: Map<number, number>
  /** Segments that somebody reads: neither they nor later ones are deleted. */
  readonly readers: Set<{ segment: number }>
  /** Number of the segment that is made next. */
  next: number
}

const named = (kind: string, number: number): string =>
  `${kind}-${String(number).padStart(8, '0')}.ndjson`

export const segmentName = (number: number): string => named('journal', number)
export const checkpointName = (number: number): string => named('checkpoint', number)
export const inventoryName = 'inventory.json'

export const segmentPath = (files: { readonly directory: string }, number: number): string =>
  join(files.directory, segmentName(number))
export const checkpointPath = (files: { readonly directory: string }, number: number): string =>
  join(files.directory, checkpointName(number))

/** Numbers of the segments and checkpoints in a folder, in order; other files are nobody's business. */
export async function listFiles(
  directory: string,
): Promise<{ segments: number[]; checkpoints: number[] }> {
  const found = { journal: [] as number[], checkpoint: [] as number[] }
  for (const name of await readdir(directory)) {
    const [, kind, digits] = /^(journal|checkpoint)-(\d{8,15})\.ndjson$/.exec(name) ?? []
    if (kind === 'journal' || kind === 'checkpoint') found[kind].push(Number(digits))
  }
  const ascending = (left: number, right: number): number => left - right
  return { segments: found.journal.sort(ascending), checkpoints: found.checkpoint.sort(ascending) }
}

/** Makes a segment that is not in use yet, so that taking it into use needs no more than a write. */
export async function reserveSegment(files: Files): Promise<number> {
  const number = files.next
  files.next += 1
  await writeDurably(segmentPath(files, number), segmentHead(number).line, 'segment')
  return number
}

/** Makes a segment that begins with a position. */
export async function beginSegment(
  files: Files,
  position: Position,
  isRecovered = false,
): Promise<{ readonly size: number; readonly hash: string }> {
  const number = files.next
  files.next += 1
  const head = segmentHead(number)
  const at = Date.now()
  const begin = segmentBegin(head.hash, position, at, isRecovered)
  const text = head.line + begin.line
  await writeDurably(segmentPath(files, number), text, 'segment')
  files.segments.push({ number, begin: { position, at, isRecovered, hash: begin.hash } })
  return { size: Buffer.byteLength(text), hash: begin.hash }
}

/** Deletes a checkpoint and its segment; the checkpoint first, for one without its segment would be damage. */
export async function deleteSegment(files: Files, number: number): Promise<void> {
  await rm(checkpointPath(files, number), { force: true, recursive: true })
  files.checkpoints.delete(number)
  await rm(segmentPath(files, number), { force: true, recursive: true })
}

/** What was surely there when it was written. */
export interface Inventory {
  readonly position: Position
  readonly segments: readonly number[]
  /** Segments that had a checkpoint. */
  readonly checkpoints: readonly number[]
}

/**
 * Notes down what is there. Records that are cut off at a line's end leave no trace in their file, and a checkpoint
 * that is gone may as well never have been finished; the inventory tells that they are missing. It is written when the
 * store is made, with each checkpoint, and at the end.
 */
export async function writeInventory(files: Files, position: Position): Promise<void> {
  const segments = files.segments.map(({ number }) => number)
  const checkpoints = [...files.checkpoints.keys()]
  const entry = { kind: 'inventory', schema, segments, checkpoints, ...position }
  const { line } = sealLine('', JSON.stringify(entry))
  await writeDurably(join(files.directory, inventoryName), line, 'inventory')
}

/** The inventory, or why there is none. */
export async function readInventory(
  directory: string,
): Promise<Inventory | { readonly reason: string }> {
  let bytes: Buffer
  try {
    bytes = await readFile(join(directory, inventoryName))
  } catch (error) {
    if (!isDamage(error)) throw error
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return { reason: isMissing ? missingFile : thrownMessage(error) }
  }
  const line = readLine(bytes, 0, '')
  const fields = fieldsOf(line?.entry)
  if (line?.end !== bytes.length || fields === null) return { reason: 'it does not verify' }
  const position = positionOf(fields)
  const { kind, segments, checkpoints } = fields
  const isInventory = kind === 'inventory' && fields['schema'] === schema && position !== null
  if (!isInventory || !Array.isArray(segments) || !Array.isArray(checkpoints))
    return { reason: 'it is of another kind or schema' }
  const isNumber = (value: unknown): value is number => typeof value === 'number'
  return {
    position,
    segments: segments.filter(isNumber),
    checkpoints: checkpoints.filter(isNumber),
  }
}

export const missingFile = 'it is missing'
