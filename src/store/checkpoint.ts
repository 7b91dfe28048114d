import { readFile } from 'node:fs/promises'
import type { Json } from '../core/json.ts'
import { createBreathing } from './breathe.ts'
import { readLine, sealLine } from './chain.ts'
import { createDurably, writeAll } from './durable-file.ts'
import {
  fieldsOf,
  positionOf,
  schema,
  storedObjectsOf,
  type Position,
  type Standing,
} from './position.ts'
import type { StoredObject } from './store.ts'

/*
 * A checkpoint: all objects at the position that a segment begins with.
 *
 *     {kind: 'checkpoint', schema, segment, cursor, number, made, hash}
 *     [{key, value}, ...]     some hundred objects
 *     ...
 *     {kind: 'end', objects}  how many
 */

const sliceObjects = 256
const sliceMs = 2
const blockBytes = 256 * 1024

/**
 * Writes a checkpoint in slices of a few milliseconds, so that exchanges and publishes go on beside it. Returns its
 * size. `signal` stops it; the file is then not there.
 */
export async function writeCheckpoint(
  path: string,
  segment: number,
  position: Position,
  objects: Iterable<StoredObject>,
  signal?: AbortSignal,
): Promise<number> {
  let size = 0
  await createDurably(
    path,
    async (handle) => {
      const breathe = createBreathing(sliceMs)
      const header = JSON.stringify({ kind: 'checkpoint', schema, segment, ...position })
      let { line: block, hash } = sealLine('', header)
      let count = 0
      let slice: string[] = []
      let since = performance.now()
      const endSlice = (entry: string): void => {
        const sealed = sealLine(hash, entry)
        block += sealed.line
        hash = sealed.hash
        slice = []
      }
      const flush = async (): Promise<void> => {
        signal?.throwIfAborted()
        const bytes = Buffer.from(block)
        block = ''
        await writeAll(handle, bytes)
        size += bytes.length
      }
      for (const { key, value } of objects) {
        slice.push(JSON.stringify({ key, value }))
        count += 1
        const isLong = slice.length % 16 === 0 && performance.now() - since > sliceMs / 2
        if (slice.length < sliceObjects && !isLong) continue
        endSlice(`[${slice.join(',')}]`)
        if (block.length > blockBytes) await flush()
        await breathe()
        since = performance.now()
      }
      if (slice.length > 0) endSlice(`[${slice.join(',')}]`)
      endSlice(JSON.stringify({ kind: 'end', objects: count }))
      await flush()
    },
    'checkpoint',
  )
  return size
}

/** A checkpoint that verifies from its first byte to its last, or why it does not. */
export type CheckpointRead =
  | { readonly ok: true; readonly standing: Standing; readonly size: number }
  | { readonly ok: false; readonly reason: string }

/** Reads and verifies a checkpoint. Rejects when the file cannot be read at all. */
export async function readCheckpoint(path: string, segment: number): Promise<CheckpointRead> {
  const bytes = await readFile(path)
  const breathe = createBreathing()
  const broken = (reason: string): CheckpointRead => ({ ok: false, reason })
  const head = readLine(bytes, 0, '')
  const fields = fieldsOf(head?.entry)
  if (head === null || fields === null) return broken('its first line does not verify')
  if (fields['schema'] !== schema)
    return broken(`its schema is ${JSON.stringify(fields['schema'])}, this program knows ${schema}`)
  const position = positionOf(fields)
  if (fields['kind'] !== 'checkpoint' || fields['segment'] !== segment || position === null)
    return broken('it is another file under this name')

  const objects = new Map<string, Json>()
  let { hash, end } = head
  for (;;) {
    const line = readLine(bytes, end, hash)
    if (line === null) return broken(`byte ${end} and what follows do not verify`)
    ;({ hash, end } = line)
    const stored = storedObjectsOf(line.entry)
    if (stored === null) {
      const isWhole = fieldsOf(line.entry)?.['objects'] === objects.size && end === bytes.length
      return isWhole
        ? { ok: true, standing: { position, objects }, size: bytes.length }
        : broken('it does not end where it should')
    }
    for (const { key, value } of stored) objects.set(key, value)
    const pause = breathe()
    if (pause !== undefined) await pause
  }
}
