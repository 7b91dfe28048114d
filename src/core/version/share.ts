import { addressOf, cookieValueOf, queryValueOf, type Facts } from '../route/facts.ts'
import { compilePredicates, type Condition } from '../route/predicate.ts'
import type { Route, Weight } from '../route/route.ts'
import type { HashKey } from '../route/upstream.ts'
import { seedOf, type SideSeed } from './sticky.ts'

/** A weight, ready to be asked. */
export interface Share {
  readonly group: string
  readonly side: string
  readonly seed: SideSeed
  readonly weight: number
  /** Null: no clients have other weights. */
  readonly cohort: Condition | null
  readonly cohortWeight: number
  readonly keyOf: (facts: Facts) => string
  readonly absent: readonly Absent[]
}

/** A side that has no route at the place. */
export interface Absent {
  readonly side: string
  readonly seed: SideSeed
  readonly weight: number
  readonly cohortWeight: number
}

/** The side of a group that a route is. */
export const sideOf = ({ id }: Pick<Route, 'id'>, { side }: Weight): string => side ?? id

const known = new WeakMap<Weight, Share>()

/** Made once for each weight, for the same reason as its condition. */
export function shareOf(route: Route): Share | null {
  const weight = route.selection?.weight ?? null
  if (weight === null) return null
  const share = known.get(weight)
  // One weight may stand in two routes, as two sides.
  if (share?.side === sideOf(route, weight)) return share
  const made = makeShare(route, weight)
  known.set(weight, made)
  return made
}

function makeShare(route: Route, given: Weight): Share {
  const { group, weight, cohort, key } = given
  const side = sideOf(route, given)
  return {
    group,
    side,
    seed: seedOf(group, side),
    weight,
    cohort: cohort === undefined ? null : compilePredicates(cohort.predicates),
    cohortWeight: cohort?.weight ?? weight,
    keyOf: keyReader(key ?? { kind: 'client' }),
    absent: (given.absent ?? []).map((one) => ({
      side: one.side,
      seed: seedOf(group, one.side),
      weight: one.weight,
      cohortWeight: one.cohort ?? one.weight,
    })),
  }
}

/** What stands for a client; its address, where the request does not say. */
function keyReader(key: HashKey): (facts: Facts) => string {
  const address = (facts: Facts): string => addressOf(facts) ?? ''
  switch (key.kind) {
    case 'header': {
      const name = key.name.toLowerCase()
      return (facts) => facts.header(name) ?? address(facts)
    }
    case 'query':
      return (facts) => queryValueOf(facts, key.name) ?? address(facts)
    case 'cookie':
      return (facts) => cookieValueOf(facts, key.name) ?? address(facts)
    case 'client':
      return address
    default:
      return key satisfies never
  }
}
