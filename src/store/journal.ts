import { open, type FileHandle } from 'node:fs/promises'
import { TurnoutError } from '../core/errors.ts'
import { failpoint, failpoints } from '../core/failpoint.ts'
import { thrownMessage } from '../core/thrown.ts'
import { sealLine } from './chain.ts'
import { writeAll } from './durable-file.ts'
import { beginSegment, reserveSegment, segmentPath, type Files } from './files.ts'
import { advance, type Position } from './position.ts'
import { recordEntry, segmentBegin, segmentHead } from './segment.ts'
import type { Proposal, PublishResult, StoredObject, StoreRecord } from './store.ts'

type StateAt = () => Iterable<StoredObject>

/** A segment was begun: all objects at its begin, for its checkpoint. */
export interface Turn {
  readonly segment: number
  readonly position: Position
  readonly state: StateAt
  /** `written()` at its begin. */
  readonly written: number
}

/** The writer of the store. Open/close. */
export interface Journal {
  /** After the last record that is on the disk. */
  newest(): Position
  /** Bytes of the current segment that are on the disk: what is behind them may never have been published. */
  sizeOf(segment: number): number | undefined
  /** Bytes that were written since the newest checkpoint when it was opened, and since. */
  written(): number
  publish(proposal: Proposal, state: StateAt): Promise<PublishResult>
  /** Goes on in a new segment. Publishes do not wait for its making. */
  turn(): Promise<Turn>
  close(): Promise<void>
}

export interface JournalStart {
  readonly files: Files
  readonly position: Position
  readonly state: StateAt
  readonly size: number
  readonly written: number
  /** Called for each record, in order, once it is on the disk. */
  readonly onRecord: (record: StoreRecord) => void
}

interface Waiting {
  readonly proposal: Proposal
  readonly state: StateAt
  readonly body: string
  readonly resolve: (result: PublishResult) => void
  readonly reject: (error: unknown) => void
}

interface Turning {
  readonly segment: number
  readonly resolve: (turn: Turn) => void
  readonly reject: (error: unknown) => void
}

const maxWaiting = 10_000
const maxWriteLength = 4 * 1024 * 1024
const headSize = (segment: number): number => segmentHead(segment).line.length

export const storeFailed = (error: unknown): TurnoutError =>
  error instanceof TurnoutError
    ? error
    : new TurnoutError('TURNOUT_STORE_FAILED', { reason: thrownMessage(error) }, { cause: error })

/** What JSON cannot say would come back as something else, or not at all. */
const bodyOf = ({ number, meta, put, remove }: Proposal): string => {
  if (number !== null && !(Number.isSafeInteger(number) && number > 0))
    throw new Error(`${number} is no number of a revision`)
  const text = (value: unknown, name: string): string => {
    const json = JSON.stringify(value) as string | undefined
    if (json === undefined) throw new Error(`${name} cannot be written as JSON`)
    return json
  }
  const objects = put.map(
    ({ key, value }) => `{"key":${text(key, 'a key')},"value":${text(value, key)}}`,
  )
  return `"meta":${text(meta, 'meta')},"put":[${objects.join(',')}],"remove":${text(remove, 'remove')}`
}

/**
 * Appends records, each write followed by a sync before any of its publishes is answered; publishes that come while
 * one is on its way share the next. After a failed write or sync the descriptor is given up: what was not
 * acknowledged is cut off, and the journal goes on in a new segment, as soon as the disk takes one.
 */
export async function openJournal(start: JournalStart): Promise<Journal> {
  const { files, onRecord } = start
  let { position, state, size, written } = start
  let current = files.segments.at(-1)!.number
  let handle: FileHandle | null = await open(segmentPath(files, current), 'r+')
  /** A file whose end must be cut off before anything else is written anywhere. */
  let debris: { readonly segment: number; readonly length: number } | null = null
  let waiting: Waiting[] = []
  let turning: Turning | null = null
  let running: Promise<void> | null = null
  let isClosed = false

  const write = async (to: FileHandle, text: string, offset: number): Promise<number> => {
    const bytes = Buffer.from(text)
    await failpoint('store.beforeWrite')
    let done = 0
    if (failpoints.reach !== null) {
      done = bytes.length >> 1
      await writeAll(to, bytes.subarray(0, done), offset)
      await failpoint('store.partialWrite')
    }
    await writeAll(to, bytes.subarray(done), offset + done)
    await failpoint('store.afterWrite')
    await to.datasync()
    await failpoint('store.afterSync')
    return bytes.length
  }

  const cutDebris = async (): Promise<void> => {
    if (debris === null) return
    const file = await open(segmentPath(files, debris.segment), 'r+').catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null
        throw error
      },
    )
    try {
      if (file !== null && (await file.stat()).size > debris.length)
        await file.truncate(debris.length)
      await file?.sync()
    } finally {
      await file?.close()
    }
    debris = null
  }

  /** Goes on in a new segment that follows the last acknowledged record. */
  const mend = async (): Promise<FileHandle> => {
    await cutDebris()
    const segment = files.next
    debris = { segment, length: headSize(segment) }
    const begun = await beginSegment(files, position)
    debris = null
    position = { ...position, hash: begun.hash }
    current = segment
    size = begun.size
    return open(segmentPath(files, segment), 'r+')
  }

  const writeBatch = async (batch: readonly Waiting[], turning: Turning | null): Promise<void> => {
    handle ??= await mend()
    // A segment that was reserved before the journal was mended would stand before what it follows.
    const turn = turning !== null && turning.segment > current ? turning : null
    if (turn !== turning) turning?.reject(storeFailed('the journal went on in another segment'))
    const at = Date.now()
    let next = position
    let to = handle
    let offset = size
    let text = ''
    if (turn !== null) {
      const begin = segmentBegin(segmentHead(turn.segment).hash, position, at, false)
      to = await open(segmentPath(files, turn.segment), 'r+')
      offset = headSize(turn.segment)
      debris = { segment: turn.segment, length: offset }
      text = begin.line
      next = { ...position, hash: begin.hash }
    }
    const beginHash = next.hash
    const from = position.cursor + 1
    const records: StoreRecord[] = []
    const answers: PublishResult[] = []
    let newestState = state
    for (const { proposal, body, state } of batch) {
      const { number, meta, put, remove } = proposal
      if (number !== null && number !== next.number + 1) {
        answers.push({ ok: false, number: next.number })
        continue
      }
      const record: StoreRecord = { cursor: next.cursor + 1, number, meta, put, remove }
      const sealed = sealLine(next.hash, recordEntry(record.cursor, number, from, body))
      next = advance(next, record, sealed.hash)
      text += sealed.line
      // A note changes nothing, and whoever writes one may not know yet of what was published right before.
      if (number !== null) newestState = state
      records.push(record)
      answers.push({ ok: true, cursor: record.cursor })
    }

    let added = 0
    if (text !== '') {
      try {
        debris ??= { segment: current, length: size }
        added = await write(to, text, offset)
      } catch (error) {
        if (to !== handle) await to.close().catch(() => undefined)
        throw error
      }
    }
    // Nothing may fail from here on: it is on the disk.
    debris = null
    if (turn !== null) {
      void handle.close().catch(() => undefined)
      handle = to
      current = turn.segment
      files.segments.push({
        number: turn.segment,
        begin: { position, at, isRecovered: false, hash: beginHash },
      })
      turn.resolve({ segment: turn.segment, position, state, written })
    }
    position = next
    size = offset + added
    written += added
    state = newestState
    for (const record of records) onRecord(record)
    for (const [index, { resolve }] of batch.entries()) resolve(answers[index]!)
  }

  const takeBatch = (): Waiting[] => {
    let length = 0
    let count = 0
    while (count < waiting.length && (count === 0 || length < maxWriteLength)) {
      length += waiting[count]!.body.length
      count += 1
    }
    return waiting.splice(0, count)
  }

  const run = async (): Promise<void> => {
    while (waiting.length > 0 || turning !== null) {
      const batch = takeBatch()
      const turn = turning
      turning = null
      try {
        await writeBatch(batch, turn)
      } catch (error) {
        await handle?.close().catch(() => undefined)
        handle = null
        await cutDebris().catch(() => undefined)
        const failure = storeFailed(error)
        for (const { reject } of batch) reject(failure)
        turn?.reject(failure)
      }
    }
    running = null
  }

  const wake = (): void => {
    running ??= Promise.resolve().then(run)
  }

  return {
    newest: () => position,
    written: () => written,
    sizeOf: (segment) => (segment === current ? size : undefined),
    publish: (proposal, state) =>
      new Promise((resolve, reject) => {
        try {
          if (isClosed) throw new Error('it is closed')
          if (waiting.length >= maxWaiting) throw new Error('too many changes wait for the disk')
          waiting.push({ proposal, state, body: bodyOf(proposal), resolve, reject })
          wake()
        } catch (error) {
          reject(storeFailed(error))
        }
      }),
    turn: async () => {
      const segment = await reserveSegment(files)
      return new Promise((resolve, reject) => {
        if (isClosed) reject(storeFailed('it is closed'))
        else {
          turning = { segment, resolve, reject }
          wake()
        }
      })
    },
    close: async () => {
      isClosed = true
      await running
      await cutDebris().catch(() => undefined)
      await handle?.close()
      handle = null
    },
  }
}
