import type { Figures } from '../../core/rollout/figures.ts'
import { addFigures } from '../../core/rollout/quantile.ts'
import { moduleNameOf } from '../../core/route/route.ts'
import type { Observed } from '../../gateway/observe/observed.ts'
import type { Worker } from '../../worker/worker.ts'
import type { Serving } from './shape.ts'

/** What a rollout asks of whoever serves. */
export type Observer = Pick<Worker, 'figures' | 'verify' | 'verifyCounts'>

/** Most routes of one side that are looked at: those of an upstream may be many. */
const mostLooked = 200

const observedOf = (serving: Serving): Observed =>
  serving.kind === 'route'
    ? serving
    : {
        kind: 'module',
        module: moduleNameOf(serving.reference),
        digest: serving.reference.digest,
      }

/** What was seen of one side in the span before now. */
export async function figuresOf(
  observer: Observer,
  side: readonly Serving[],
  spanMs: number,
): Promise<Figures> {
  const looked = side.slice(0, mostLooked)
  return addFigures(
    await Promise.all(looked.map(async (one) => observer.figures(observedOf(one), spanMs))),
  )
}
