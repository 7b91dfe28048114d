import type { Problem } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import type { RolloutMeasurement } from '../core/rollout/measurement.ts'
import type { Store, StoreRecord } from '../store/store.ts'
import type { AppliedChange, Revision } from './change.ts'
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
  /** An artifact that is not tried again. */
  | ({ readonly kind: 'quarantined'; readonly digest: string; readonly at: number } & Who)
  /** What was measured of a rollout. */
  | {
      readonly kind: 'measured'
      readonly id: string
      readonly startedAt: number
      readonly measurement: RolloutMeasurement
    }

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

const kinds: readonly string[] = ['revision', 'rejected', 'confirmed', 'quarantined', 'measured']

/** Null: the store wrote the record for itself. */
function readMeta({ meta }: StoreRecord): RecordMeta | null {
  const read = meta as unknown as RecordMeta | null
  if (read === null || !kinds.includes(read.kind)) return null
  if (read.kind !== 'revision') return read
  const changes = read.revision.changes.map(withUpstreams)
  return { ...read, revision: { ...read.revision, changes } }
}

/** Earlier versions wrote down only the names of upstreams, not which of them came or went. */
function withUpstreams(change: AppliedChange): AppliedChange {
  return { ...noUpstreams, ...change }
}

const noUpstreams = { upstreamsAdded: [], upstreamsRemoved: [] }

/** Damage ends a reading; the store then offers what is left. */
const mostReadings = 3

/** What the kept records say, in order, up to those that are there now. What is damaged is passed over. */
export async function recordedMetas(store: Store): Promise<readonly RecordMeta[]> {
  const newest = store.cursor()
  let from = 0
  for (let reading = 0; reading < mostReadings && from < newest; reading += 1) {
    const read = await metasFrom(store, from, newest)
    if (read.isWhole) return read.metas
    from = read.from + 1
  }
  return []
}

/** What the records say from the oldest cursor on that can still be followed, which is the store's to know. */
function metasFrom(
  store: Store,
  first: number,
  newest: number,
): Promise<{
  readonly metas: readonly RecordMeta[]
  readonly from: number
  readonly isWhole: boolean
}> {
  const metas: RecordMeta[] = []
  return new Promise((resolve) => {
    for (let from = first; from < newest; from += 1) {
      const stop = store.watch(
        from,
        (record) => {
          if (record.cursor > newest) return
          const meta = readMeta(record)
          if (meta !== null) metas.push(meta)
          if (record.cursor < newest) return
          setImmediate(() => {
            stop?.()
            resolve({ metas, from, isWhole: true })
          })
        },
        () => resolve({ metas, from, isWhole: false }),
      )
      if (stop !== null) return
    }
    resolve({ metas, from: newest, isWhole: true })
  })
}
