import type { StoreRecord } from './store.ts'

/** Whoever is up to date and is told of every new record. */
export interface Watchers {
  /** Returns the function that ends it. */
  add(listener: (record: StoreRecord) => void): () => void
  tell(record: StoreRecord): void
}

/** A listener that throws must keep the record neither from others nor from its publisher. */
export function giveRecord(listener: (record: StoreRecord) => void, record: StoreRecord): void {
  try {
    listener(record)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

export function createWatchers(): Watchers {
  const watching = new Set<{ readonly listener: (record: StoreRecord) => void }>()
  return {
    add: (listener) => {
      const watcher = { listener }
      watching.add(watcher)
      return () => {
        watching.delete(watcher)
      }
    },
    tell: (record) => {
      for (const watcher of Array.from(watching))
        if (watching.has(watcher)) giveRecord(watcher.listener, record)
    },
  }
}
