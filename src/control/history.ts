import { entriesFrom } from '../core/persistent-map.ts'
import { emptyTable, type Table } from '../core/route/table.ts'
import { codeKey } from '../worker/worker.ts'
import type { AppliedChange, Revision } from './change.ts'

/** A revision and the table that it made. */
export interface Entry {
  readonly revision: Revision
  readonly table: Table
}

const start: Entry = {
  revision: { number: 0, at: 0, author: 'turnout', reason: 'start', changes: [] },
  table: emptyTable,
}

/**
 * The revisions of this process, newest last. Tables share what they have in common, and name code by digest, so
 * keeping them costs next to nothing and holds no live module.
 */
export class History {
  readonly #limit: number
  readonly #entries: Entry[]

  constructor(limit: number) {
    this.#limit = limit
    this.#entries = [start]
  }

  get current(): Entry {
    return this.#entries[this.#entries.length - 1]!
  }

  entryOf(number: number): Entry | undefined {
    return this.#entries.find(({ revision }) => revision.number === number)
  }

  revisions(): readonly Revision[] {
    return this.#entries.map(({ revision }) => revision)
  }

  /** Publishes the next revision; true when an old one fell off the end. */
  publish(
    table: Table,
    who: { readonly author: string; readonly reason: string; readonly at: number },
    changes: readonly AppliedChange[],
  ): { readonly entry: Entry; readonly isTrimmed: boolean } {
    const number = this.current.revision.number + 1
    const entry: Entry = { revision: { number, ...who, changes }, table }
    this.#entries.push(entry)
    const isTrimmed = this.#entries.length > this.#limit
    if (isTrimmed) this.#entries.shift()
    return { entry, isTrimmed }
  }

  /** Keys of the code that some kept table names. */
  codeKeys(): Set<string> {
    const keys = new Set<string>()
    const seen = new Set<unknown>()
    for (const { table } of this.#entries) {
      if (seen.has(table.modules)) continue
      seen.add(table.modules)
      for (const [, reference] of entriesFrom(table.modules, '')) keys.add(codeKey(reference))
    }
    return keys
  }
}
