import { parsePattern, type Pattern } from '../router/pattern.ts'
import { placeOf, type Router, type RouterChange } from '../router/router.ts'
import { Choice, isPlain, type Placed } from './choice.ts'
import { bestField, Crowd, crowdOf, crowdSize, type Spot } from './crowd.ts'
import type { Route } from './route.ts'

/** The routes of one place and method: a list, or a crowd. */
export type Place = readonly Spot[] | Crowd

const isCrowd = (place: Place): place is Crowd => place instanceof Crowd

/** What lies at a place of a router. */
export function placeAt(router: Router<Placed>, method: string, pattern: Pattern): Place {
  const there = placeOf(router, method, pattern)
  if (there === undefined) return []
  const { value } = there
  if (value instanceof Crowd) return value
  if (value instanceof Choice)
    return value.candidates.map(({ route, leaf }) => ({ route, pattern: parsed(leaf.text) }))
  return [{ route: value as Route, pattern: parsed(there.pattern) }]
}

const parsed = (text: string): Pattern => {
  const { pattern } = parsePattern(text)
  // Only patterns that were parsed before stand in a router.
  if (pattern === null) throw new Error(`${text} stands in a router and is no pattern`)
  return pattern
}

export const spotsOf = (place: Place): readonly Spot[] => (isCrowd(place) ? place.spots() : place)

/** Those that a route of the place must be told apart from. */
export const spotsMeeting = (place: Place, route: Route): readonly Spot[] =>
  isCrowd(place) ? place.meeting(route) : place

/** A place without routes of these ids. */
export function withoutRoutes(place: Place, gone: Iterable<Route>): Place {
  if (!isCrowd(place)) {
    const ids = new Set([...gone].map(({ id }) => id))
    return place.filter(({ route }) => !ids.has(route.id))
  }
  let left = place
  for (const route of gone) left = left.without(route)
  return left.size <= crowdSize / 2 ? left.spots() : left
}

/** A place with one route more; null: one request would have to ask more than `most` of them. */
export function withSpot(place: Place, method: string, spot: Spot, most: number): Place | null {
  if (isCrowd(place)) {
    if (place.mostAsked(spot.route) <= most) return place.with(spot)
    return indexed([...place.spots(), spot], method, most)
  }
  const spots = [...place, spot]
  if (spots.length <= crowdSize) return spots
  const best = bestField(spots)
  if (best !== null && best.left <= spots.length / 2)
    return crowdOf(method, spots[0]!.pattern, best.field, spots)
  return spots.length <= most ? spots : indexed(spots, method, most)
}

/** A crowd in which one request asks few enough, or null. */
function indexed(spots: readonly Spot[], method: string, most: number): Crowd | null {
  const best = bestField(spots)
  if (best === null) return null
  const { pattern } = spots[0]!
  const crowd = crowdOf(method, pattern, best.field, spots)
  const isFew = spots.every(({ route }) => crowd.mostAsked(route) <= most + 1)
  return isFew ? crowd : null
}

/** A place of routes that stood at one before: nobody is refused any more. */
export function placeFrom(spots: readonly Spot[], method: string): Place {
  const best = spots.length > crowdSize ? bestField(spots) : null
  if (best === null || best.left > spots.length / 2) return spots
  return crowdOf(method, spots[0]!.pattern, best.field, spots)
}

/** What lies at a place from now on. */
export function placeChange(place: Place, method: string, pattern: Pattern): RouterChange<Placed> {
  if (isCrowd(place)) return { kind: 'put', method, pattern: place.pattern, value: place }
  const [first] = place
  if (first === undefined) return { kind: 'remove', method, pattern }
  const value = isPlain(place) ? first.route : new Choice(method, place)
  return { kind: 'put', method, pattern: first.pattern, value }
}
