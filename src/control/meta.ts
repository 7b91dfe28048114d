import type { Problem } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import type { Store, StoreRecord } from '../store/store.ts'
import type { Revision } from './change.ts'
import type { Who } from './control.ts'
import type { RejectedRow } from './history.ts'

/** What a record of the store says beside its objects. */
export type RecordMeta =
  | {
      readonly kind: 'revision'
      readonly revision: Revision
      readonly digests: readonly string[]
    }
  | { readonly kind: 'rejected'; readonly rejected: RejectedRow }
  | ({ readonly kind: 'confirmed'; readonly revision: number; readonly at: number } & Who)

/** As it is written; what a problem says of an author's stack stays in the log. */
export function metaOf(meta: RecordMeta): Json {
  if (meta.kind !== 'rejected') return meta as unknown as Json
  const rejections = meta.rejected.rejections.map((one) => ({
    ...one,
    problems: one.problems.map(withoutStack),
  }))
  return { ...meta, rejected: { ...meta.rejected, rejections } } as unknown as Json
}

function withoutStack(found: Problem): Problem {
  const { stack: _, ...rest } = found
  return rest
}

/** Null: the store wrote the record for itself. */
function readMeta({ meta }: StoreRecord): RecordMeta | null {
  const read = meta as unknown as RecordMeta | null
  return read !== null && ['revision', 'rejected', 'confirmed'].includes(read.kind) ? read : null
}

/** What the kept records say, in order, up to those that were there already; `newest`: the cursor of one of them. */
export function recordedMetas(store: Store, newest: number): Promise<readonly RecordMeta[]> {
  const metas: RecordMeta[] = []
  return new Promise((resolve) => {
    // The oldest cursor that can still be followed is the store's to know.
    for (let from = 0; from <= newest; from += 1) {
      const stop = store.watch(from, (record) => {
        const meta = readMeta(record)
        if (meta !== null) metas.push(meta)
        if (record.cursor !== newest) return
        setImmediate(() => {
          stop?.()
          resolve(metas)
        })
      })
      if (stop !== null && from < newest) return
      stop?.()
    }
    resolve(metas)
  })
}
