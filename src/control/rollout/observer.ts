import type { Figures } from '../../core/rollout/figures.ts'
import { addFigures } from '../../core/rollout/quantile.ts'
import { moduleNameOf } from '../../core/route/route.ts'
import type { Observed } from '../../gateway/observe/observed.ts'
import type { FiguresQuery, Worker } from '../../worker/worker.ts'
import type { Serving } from './shape.ts'

/** What a rollout asks of whoever serves. */
export type Observer = Pick<Worker, 'figures' | 'verify' | 'verifyCounts'>

/** Most routes of one side that are looked at: those of an upstream may be many. */
const mostLooked = 200

/** It may go to other processes, so it has no more than is looked at. */
const observedOf = (serving: Serving): Observed => {
  if (serving.kind === 'module') {
    const { reference } = serving
    return { kind: 'module', module: moduleNameOf(reference), digest: reference.digest }
  }
  const { id, target, filters } = serving.route
  return { kind: 'route', route: { id, target, ...(filters && { filters }) } }
}

/** Most that are asked of those who serve at once: it is their loop that looks it up. */
const mostAsked = 256

/** Those who serve alike, and when they are looked at. */
export interface Side extends Pick<FiguresQuery, 'spanMs' | 'agoMs'> {
  readonly side: readonly Serving[]
}

/** What was seen of each side; few questions, however many there are. */
export async function figuresOf(
  observer: Observer,
  sides: readonly Side[],
): Promise<readonly Figures[]> {
  const looked = sides.map(({ side }) => side.slice(0, mostLooked))
  const asked = looked.flatMap((side, at) => {
    const { side: _, ...span } = sides[at]!
    return side.map((one) => ({ of: observedOf(one), ...span }))
  })
  const seen: Figures[] = []
  for (let from = 0; from < asked.length; from += mostAsked)
    seen.push(...(await observer.figures(asked.slice(from, from + mostAsked))))
  let from = 0
  return looked.map(({ length }) => addFigures(seen.slice(from, (from += length))))
}
