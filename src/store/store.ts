import type { Json } from '../core/json.ts'
import type { StoredObject } from '../core/route/objects.ts'

export type { StoredObject }

/**
 * One entry of a store's history: a revision, or a note (a rejected change, a confirmation) that changes no object.
 * `meta` is the control floor's own.
 */
export interface StoreRecord {
  /** The store's own position, 1 for the first record; every record has one more than the one before. */
  readonly cursor: number
  /** The revision's number; null: a note. */
  readonly number: number | null
  readonly meta: Json
  readonly put: readonly StoredObject[]
  /** Keys. */
  readonly remove: readonly string[]
}

/** All objects as of a revision. */
export interface StoreState {
  /** 0: nothing was published yet. */
  readonly number: number
  /** Cursor of the record that made it. */
  readonly cursor: number
  readonly objects: Iterable<StoredObject>
}

/** What is to be published: everything of a record but its cursor. */
export type Proposal = Omit<StoreRecord, 'cursor'>

export type PublishResult =
  | { readonly ok: true; readonly cursor: number }
  /** Somebody else published meanwhile: the newest number. */
  | { readonly ok: false; readonly number: number }

/**
 * Where revisions live. Open/close. Every implementation passes one conformance suite. A publish that was answered is
 * kept whatever happens to the process; one that was not is wholly there or wholly not.
 */
export interface Store {
  /** True: nothing outlives the process, so tables may hold what cannot be written down. */
  readonly isVolatile: boolean
  /** Of the newest record, be it a revision or a note; 0: there is none. */
  cursor(): number
  /**
   * The newest state, or that of an earlier revision; null when that is no longer kept. Of a store that is not
   * volatile, values are plain JSON of their own. Rejects with TURNOUT_STORE_FAILED, or TURNOUT_STORE_DAMAGED when what
   * it would be read from is not what was written.
   */
  read(number?: number): Promise<StoreState | null>
  /**
   * Compare-and-set: publishes revision `proposal.number` when the newest is the one before it; a note always.
   * `state` gives all objects as they are after it, for checkpoints: it is walked in the background, later, or never,
   * and must go on telling of that moment. A volatile store answers at once. Several may be on their way; they are
   * taken in the order of the calls. Rejects with TURNOUT_STORE_FAILED: then nothing was published, nobody is told of
   * it, and the next one is tried anew. Only when the process ends before the disk takes writes again may it still turn
   * out to be there, wholly.
   */
  publish(
    proposal: Proposal,
    state: () => Iterable<StoredObject>,
  ): PublishResult | Promise<PublishResult>
  /**
   * Hands over every kept record after a cursor in order, then every new one as it comes; the first of them may come
   * before it returns. Returns the function that ends it. Null: records right after the cursor are no longer kept, or
   * the cursor is ahead of the store and so of another one: the watcher must `read` anew. Where a kept record turns out
   * to be damaged the watch has ended, and `onBroken` is called as soon as the store no longer offers it.
   */
  watch(
    after: number,
    listener: (record: StoreRecord) => void,
    onBroken?: () => void,
  ): (() => void) | null
  /** Resolves when everything is on the disk and the folder is free for another instance. */
  close(): Promise<void>
}
