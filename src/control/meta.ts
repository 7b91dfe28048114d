import type { Problem } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import type { StoreRecord } from '../store/store.ts'
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
export function readMeta({ meta }: StoreRecord): RecordMeta | null {
  const read = meta as unknown as RecordMeta | null
  return read !== null && ['revision', 'rejected', 'confirmed'].includes(read.kind) ? read : null
}
