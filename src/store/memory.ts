import type {
  Proposal,
  PublishResult,
  Store,
  StoredObject,
  StoreRecord,
  StoreState,
} from './store.ts'
import { createWatchers, giveRecord } from './watchers.ts'

export interface MemoryStoreOptions {
  /** Revisions that can be read; notes between them are kept with them, up to ten for each. Default: 1000. */
  readonly keep?: { readonly revisions?: number }
}

interface Kept {
  readonly record: StoreRecord
  readonly state: () => Iterable<StoredObject>
}

/** A memory store answers at once. */
export interface MemoryStore extends Store {
  publish(proposal: Proposal, state: () => Iterable<StoredObject>): PublishResult
}

/** A store that ends with the process: values are kept as they are, so they may be what JSON cannot say. */
export function createMemoryStore({ keep = {} }: MemoryStoreOptions = {}): MemoryStore {
  const revisions = Math.max(1, keep.revisions ?? 1000)
  const watchers = createWatchers()
  const kept: Kept[] = []
  let revisionsKept = 0
  let cursor = 0
  let newest: StoreState = { number: 0, cursor: 0, objects: [] }
  /** Cursor that the oldest kept record follows. */
  let floor = 0

  const trim = (): void => {
    while (revisionsKept > revisions || kept.length > revisions * 10) {
      const { record } = kept.shift()!
      floor = record.cursor
      if (record.number !== null) revisionsKept -= 1
    }
  }

  return {
    isVolatile: true,
    cursor: () => cursor,
    read: async (number) => {
      if (number === undefined || number === newest.number) return newest
      if (number === 0 && floor === 0) return { number: 0, cursor: 0, objects: [] }
      const found = kept.find(({ record }) => record.number === number)
      return found === undefined
        ? null
        : { number, cursor: found.record.cursor, objects: found.state() }
    },
    publish: (proposal, state) => {
      const { number, meta, put, remove } = proposal
      if (number !== null && number !== newest.number + 1)
        return { ok: false, number: newest.number }
      cursor += 1
      const record: StoreRecord = { cursor, number, meta, put, remove }
      kept.push({ record, state })
      if (number !== null) {
        newest = { number, cursor, objects: state() }
        revisionsKept += 1
      }
      trim()
      watchers.tell(record)
      return { ok: true, cursor: record.cursor }
    },
    watch: (after, listener) => {
      if (after < floor || after > cursor) return null
      // Whoever publishes from a listener reaches this one too, after what it missed.
      const missed = kept.map(({ record }) => record).filter((record) => record.cursor > after)
      const remove = watchers.add((record) => {
        if (missed.length === 0) listener(record)
        else missed.push(record)
      })
      for (; missed.length > 0; missed.shift()) giveRecord(listener, missed[0]!)
      return remove
    },
    close: async () => undefined,
  }
}
