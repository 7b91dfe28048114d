import { areDisjoint, isStricter } from '../route/predicate-overlap.ts'
import { selectionOf } from '../route/choice.ts'
import type { Route, Selection } from '../route/route.ts'
import { sideOf } from './share.ts'

/** Why two routes of one place may stand side by side; null: some request would be served by both. */
export function decides(left: Route, right: Route): string | null {
  const [one, other] = [selectionOf(left), selectionOf(right)]
  if (one.order !== other.order) return 'order'
  if (one.version !== other.version) return 'version'
  if (!doMeet(one, other)) return 'labels'
  if (areSides(left, right)) return 'weight'
  if (areDisjoint(one.predicates, other.predicates)) return 'predicates'
  if (isStricter(one.predicates, other.predicates)) return 'predicates'
  if (isStricter(other.predicates, one.predicates)) return 'predicates'
  return null
}

/** Whether no request can satisfy both: all that tells routes of different places apart. */
export const areApart = (left: Route, right: Route): boolean =>
  areDisjoint(selectionOf(left).predicates, selectionOf(right).predicates)

/** Two sides of one group: a client is on one of them. */
function areSides(left: Route, right: Route): boolean {
  const [one, other] = [selectionOf(left).weight, selectionOf(right).weight]
  return one !== null && one.group === other?.group && sideOf(left, one) !== sideOf(right, other)
}

/**
 * Whether the labels of some request leave both in question. A labelled route that was asked for comes before one that
 * was not, and more labels before fewer; so they meet where one request can ask for as many of each, or where both serve
 * those who ask for none.
 */
function doMeet(left: Selection, right: Selection): boolean {
  const names = Object.keys(left.labels)
  const count = Object.keys(right.labels).length
  if (servesUnasked(left) && servesUnasked(right)) return true
  return (
    names.length > 0 &&
    names.length === count &&
    names.every(
      (name) => !Object.hasOwn(right.labels, name) || left.labels[name] === right.labels[name],
    )
  )
}

/** Whether a request without labels can be served: by its share, or by its very version. */
function servesUnasked({ labels, weight, version }: Selection): boolean {
  if (weight === null) return Object.keys(labels).length === 0
  return version !== null || weight.weight > 0 || (weight.cohort?.weight ?? 0) > 0
}
