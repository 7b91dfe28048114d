import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Problem } from '../../../src/core/errors.ts'
import { openLocalStore, type LocalStore } from '../../../src/store/local.ts'
import type { Keep } from '../../../src/store/compaction.ts'
import type { Json } from '../../../src/core/json.ts'
import type { Store, StoredObject } from '../../../src/store/store.ts'

const root = mkdtempSync(join(tmpdir(), 'turnout-store-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))

/** A folder of its own, deleted when the process ends. */
export function makeFolder(): string {
  return mkdtempSync(join(root, 'data-'))
}

export interface Opened extends LocalStore {
  readonly warnings: Problem[]
}

export async function openAt(
  directory: string,
  options: { readonly keep?: Partial<Keep>; readonly checkpointBytes?: number } = {},
): Promise<Opened> {
  const warnings: Problem[] = []
  const opened = await openLocalStore({
    directory,
    ...options,
    onWarning: (problem) => warnings.push(problem),
  })
  return { ...opened, warnings }
}

/** All objects of a state as a sorted list, to compare. */
export function listed(objects: Iterable<StoredObject>): [string, Json][] {
  return [...objects]
    .map(({ key, value }): [string, Json] => [key, value])
    .sort(([left], [right]) => (left < right ? -1 : 1))
}

/** A writer that keeps the objects itself, as control does. */
export class Author {
  readonly store: Store
  objects: ReadonlyMap<string, Json> = new Map()
  number = 0

  constructor(store: Store) {
    this.store = store
  }

  static async open(store: Store): Promise<Author> {
    const author = new Author(store)
    const state = (await store.read())!
    author.number = state.number
    author.objects = new Map(listed(state.objects))
    return author
  }

  /** Publishes the next revision; numbers are taken before, so several may be on their way. */
  async put(
    changes: Readonly<Record<string, Json>>,
    remove: readonly string[] = [],
  ): Promise<number> {
    const objects = new Map(this.objects)
    for (const key of remove) objects.delete(key)
    for (const [key, value] of Object.entries(changes)) objects.set(key, value)
    this.objects = objects
    this.number += 1
    const { number } = this
    const put = Object.entries(changes).map(([key, value]) => ({ key, value }))
    const result = await this.store.publish({ number, meta: { author: 'test' }, put, remove }, () =>
      [...objects].map(([key, value]) => ({ key, value })),
    )
    if (!result.ok) throw new Error(`revision ${number} was taken, the newest is ${result.number}`)
    return number
  }

  async note(meta: Json): Promise<number> {
    const { objects } = this
    const result = await this.store.publish({ number: null, meta, put: [], remove: [] }, () =>
      [...objects].map(([key, value]) => ({ key, value })),
    )
    if (!result.ok) throw new Error('a note is never refused')
    return result.cursor
  }
}
