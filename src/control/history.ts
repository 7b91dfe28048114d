import { emptyTable, type Table } from '../core/route/table.ts'
import type { Rejection, Revision } from './change.ts'
import type { Entry, HistoryRow, Who } from './control.ts'
import { emptyDigest } from './digest.ts'

const start: Entry = {
  revision: {
    number: 0,
    at: 0,
    author: 'turnout',
    reason: 'start',
    digest: emptyDigest,
    changes: [],
    restores: null,
    takesBack: null,
    confirmBy: null,
  },
  table: emptyTable,
}

/** A change set that was refused as a whole or in part. */
export interface RejectedRow extends Who {
  readonly at: number
  readonly rejections: readonly Rejection[]
}

type Row =
  | {
      readonly kind: 'revision'
      readonly revision: Revision
      /** Digests of modules that came with it, and of those that it replaced. */
      readonly digests: readonly string[]
    }
  | { readonly kind: 'rejected'; readonly rejected: RejectedRow }

/** Artifacts that are kept out; of more, the oldest are let in again. */
const mostQuarantined = 1_000

/**
 * What happened, oldest first, and the tables of this process's own revisions. Tables share what they have in common
 * and name code by digest, so keeping them costs next to nothing and holds no live module.
 */
export class History {
  readonly #limit: number
  readonly #tables: Map<number, Entry>
  readonly #confirmed: Set<number>
  /** Numbers that wait for their confirmation. */
  readonly #waiting: Set<number>
  /** Digests, oldest first. */
  readonly #quarantined: Set<string>
  readonly #rows: Row[]
  readonly #counts: Record<Row['kind'], number>
  #current: Entry

  constructor(limit: number) {
    this.#limit = limit
    this.#tables = new Map([[0, start]])
    this.#confirmed = new Set()
    this.#waiting = new Set()
    this.#quarantined = new Set()
    this.#rows = []
    this.#counts = { revision: 0, rejected: 0 }
    this.#current = start
  }

  get current(): Entry {
    return this.#current
  }

  /** An entry whose table is in memory. */
  entryOf(number: number): Entry | undefined {
    return this.#tables.get(number)
  }

  /** What is kept of a revision, whether its table is in memory or not. */
  revisionOf(number: number): Revision | undefined {
    if (number === 0) return this.#tables.get(0)?.revision
    const row = this.#rows.findLast(
      (one) => one.kind === 'revision' && one.revision.number === number,
    )
    return row?.kind === 'revision' ? row.revision : undefined
  }

  revisions(): readonly Revision[] {
    const first = this.#tables.get(0)
    const kept = this.#rows.flatMap((row) => (row.kind === 'revision' ? [row.revision] : []))
    return first === undefined ? kept : [first.revision, ...kept]
  }

  /** Takes a revision in; true when an old row fell off the end. */
  enter(revision: Revision, table: Table, digests: readonly string[]): boolean {
    this.#current = { revision, table }
    this.#tables.set(revision.number, this.#current)
    return this.note(revision, digests)
  }

  /** Takes in what a store tells of a revision whose table is not in memory. */
  note(revision: Revision, digests: readonly string[]): boolean {
    const { number, confirmBy, restores, takesBack } = revision
    if (takesBack !== null) this.#waiting.delete(takesBack)
    for (const one of this.#waiting) if (one > (restores ?? Infinity)) this.#waiting.delete(one)
    if (confirmBy !== null) this.#waiting.add(number)
    return this.#add({ kind: 'revision', revision, digests })
  }

  reject(rejected: RejectedRow): void {
    this.#add({ kind: 'rejected', rejected })
  }

  confirm(number: number): void {
    this.#confirmed.add(number)
    this.#waiting.delete(number)
  }

  /** Starts from what a store holds. */
  resume(entry: Entry): void {
    this.#current = entry
    this.#tables.set(entry.revision.number, entry)
  }

  #add(row: Row): boolean {
    const { kind } = row
    this.#rows.push(row)
    this.#counts[kind] += 1
    // The empty start is the first to go. Refused change sets never push revisions out.
    const hasStart = kind === 'revision' && this.#tables.has(0)
    if (this.#counts[kind] + (hasStart ? 1 : 0) <= this.#limit) return false
    if (hasStart && !this.#waiting.has(1)) this.#tables.delete(0)
    else while (this.#counts[kind] > this.#limit && this.#drop(kind));
    return kind === 'revision'
  }

  /** False: everything is needed. */
  #drop(kind: Row['kind']): boolean {
    // The newest stays, and so does what may have to be taken back, unless that is most of it.
    const isFull = this.#counts[kind] > 2 * this.#limit
    const newest = this.#rows.length - 1
    const at = this.#rows.findIndex(
      (row, index) => row.kind === kind && index < newest && (isFull || !this.#isNeeded(row)),
    )
    if (at < 0) return false
    const [gone] = this.#rows.splice(at, 1)
    this.#counts[kind] -= 1
    if (gone?.kind !== 'revision') return true
    this.#tables.delete(gone.revision.number)
    this.#confirmed.delete(gone.revision.number)
    this.#waiting.delete(gone.revision.number)
    return true
  }

  /** Taking a revision back needs it and the one before. */
  #isNeeded(row: Row): boolean {
    if (row.kind === 'rejected') return false
    const { number } = row.revision
    return this.#waiting.has(number) || this.#waiting.has(number + 1)
  }

  /** Revisions that still wait for their confirmation. */
  waiting(): readonly Revision[] {
    return [...this.#waiting].flatMap((number) => this.revisionOf(number) ?? [])
  }

  /** Newest first. */
  rows(): readonly HistoryRow[] {
    const reverted = new Set<number>()
    let goneFrom = Infinity
    const rows: HistoryRow[] = []
    for (let at = this.#rows.length - 1; at >= 0; at -= 1) {
      const row = this.#rows[at]!
      if (row.kind === 'rejected') {
        rows.push({ ...row.rejected, number: null, state: 'rejected' })
        continue
      }
      const { revision } = row
      const { number, confirmBy, restores, takesBack } = revision
      const isCurrent = number === this.#current.revision.number
      const isGone = number > goneFrom || reverted.has(number)
      rows.push({
        ...revision,
        state: isCurrent ? 'current' : isGone ? 'rolled-back' : 'superseded',
        confirmation:
          confirmBy === null
            ? null
            : this.#confirmed.has(number)
              ? 'confirmed'
              : isGone
                ? 'reverted'
                : 'waiting',
      })
      if (restores !== null) goneFrom = Math.min(goneFrom, restores)
      if (takesBack !== null) reverted.add(takesBack)
    }
    return rows
  }

  quarantine(digest: string): void {
    this.#quarantined.add(digest)
    if (this.#quarantined.size <= mostQuarantined) return
    const [oldest] = this.#quarantined
    this.#quarantined.delete(oldest!)
  }

  isQuarantined(digest: string): boolean {
    return this.#quarantined.has(digest)
  }

  /** How often an artifact was refused. */
  rejectionsOf(digest: string, isMeant: (rejection: Rejection) => boolean): number {
    let count = 0
    for (const row of this.#rows) {
      if (row.kind !== 'rejected') continue
      const { rejections } = row.rejected
      if (rejections.some((one) => one.digest === digest && isMeant(one))) count += 1
    }
    return count
  }

  /** Digests of the code that some kept revision may name. */
  digests(current: Iterable<string>): Set<string> {
    const kept = new Set(current)
    for (const row of this.#rows)
      if (row.kind === 'revision') for (const one of row.digests) kept.add(one)
    return kept
  }
}
