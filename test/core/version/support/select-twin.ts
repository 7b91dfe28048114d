import semver from 'semver'
import type { Route, Weight } from '../../../../src/core/route/route.ts'
import { naive, type Seen } from '../../route/predicate-twin.ts'

/** What a request asks for. */
export interface Wanted extends Seen {
  readonly version: string | null
  readonly labels: Readonly<Record<string, string>>
}

/** Which of the sides a client is on; null: on none. The hash is not the twin's business. */
export type SideOf = (group: string, weights: ReadonlyMap<string, number>) => string | null

/** `malformed` and `unavailable`, or the route, or null: the walk goes on. */
export type TwinAnswer = Route | 'malformed' | 'unavailable' | null

/**
 * The rules of a choice, said a second time, as plainly as they can be, for the routes of one place. Quick it is not, and
 * nothing of it is the code under test but the hash.
 */
export function twinSelect(all: readonly Route[], wanted: Wanted, sideOf: SideOf): TwinAnswer {
  const routes = all.filter(({ selection }) => naive(selection?.predicates ?? [], wanted))
  const version = (route: Route): string | null => route.selection?.version ?? null
  const weight = (route: Route): Weight | null => route.selection?.weight ?? null
  const labelCount = (route: Route): number => Object.keys(route.selection?.labels ?? {}).length
  const order = (route: Route): number => route.selection?.order ?? 0
  const strictness = (route: Route): number => route.selection?.predicates.length ?? 0

  const share = (route: Route): number => {
    const own = weight(route)!
    const isCohort = own.cohort !== undefined && naive(own.cohort.predicates, wanted)
    return isCohort ? own.cohort.weight : own.weight
  }
  const isNamed = (route: Route): boolean =>
    labelCount(route) > 0 &&
    Object.entries(route.selection!.labels).every(([name, value]) => wanted.labels[name] === value)
  const isGone = ({ lifecycle }: Route): boolean =>
    lifecycle !== undefined &&
    (lifecycle.state === 'retired' ||
      (lifecycle.isGoneAfterSunset && Date.parse(lifecycle.sunsetAt!) <= wanted.now))
  const live = routes.filter((route) => !isGone(route))
  const gone = routes.filter(isGone)

  /** Of routes among which nothing but order, weight and strictness is left to decide. */
  const last = (left: readonly Route[], mayBeAway: boolean): Route | null => {
    const [first] = left.toSorted(
      (one, other) =>
        order(one) - order(other) ||
        strictness(other) - strictness(one) ||
        (one.id < other.id ? -1 : 1),
    )
    if (first === undefined) return null
    const own = weight(first)
    if (own === null) return first
    const rivals = left.filter(
      (one) => weight(one)?.group === own.group && order(one) === order(first),
    )
    const nameOf = (one: Route): string => weight(one)!.side ?? one.id
    const isAnyLeft = rivals.some((one) => share(one) > 0)
    const weights = new Map(rivals.map((one) => [nameOf(one), isAnyLeft ? share(one) : 1]))
    if (mayBeAway)
      for (const one of rivals) {
        const isCohort =
          weight(one)!.cohort !== undefined && naive(weight(one)!.cohort!.predicates, wanted)
        for (const { side, weight: usual, cohort = usual } of weight(one)!.absent ?? [])
          if (!rivals.some((rival) => nameOf(rival) === side))
            weights.set(side, Math.max(weights.get(side) ?? 0, isCohort ? cohort : usual))
      }
    const side = sideOf(own.group, weights)
    const [winner] = rivals
      .filter((one) => nameOf(one) === side)
      .toSorted(
        (one, other) =>
          compare(version(other), version(one)) ||
          strictness(other) - strictness(one) ||
          (one.id < other.id ? -1 : 1),
      )
    return winner ?? null
  }

  const highest = (left: readonly Route[], withPre: boolean): string | null => {
    const versions = left.flatMap((route) => version(route) ?? [])
    const releases = versions.filter((one) => semver.prerelease(one) === null)
    const pool = releases.length > 0 || !withPre ? releases : versions
    return pool.toSorted(semver.rcompare)[0] ?? null
  }

  /** Undefined: nobody is there. Null: the client's side is not. */
  const unasked = (left: readonly Route[]): Route | null | undefined => {
    const named = mostLabels(left)
    const isByName = named.length > 0
    const open = isByName
      ? named
      : left.filter((one) => (weight(one) === null ? labelCount(one) === 0 : share(one) > 0))
    if (open.length === 0) return undefined
    if (open.every((one) => version(one) === null)) return last(open, !isByName)
    const weighted = open.filter((one) => weight(one) !== null && share(one) > 0)
    const leading = highest(weighted, true)
    if (leading !== null) {
      const [leader] = sorted(weighted.filter((one) => version(one) === leading))
      return last(
        weighted.filter(
          (one) => weight(one)!.group === weight(leader!)!.group && order(one) === order(leader!),
        ),
        !isByName,
      )
    }
    const top = highest(open, isByName)
    const left2 = open.filter((one) => version(one) === top)
    return left2.length === 0 ? undefined : last(left2, !isByName)
  }
  const sorted = (left: readonly Route[]): readonly Route[] =>
    left.toSorted(
      (one, other) =>
        order(one) - order(other) ||
        strictness(other) - strictness(one) ||
        (one.id < other.id ? -1 : 1),
    )
  const mostLabels = (left: readonly Route[]): readonly Route[] => {
    const named = left.filter(isNamed)
    const most = Math.max(0, ...named.map(labelCount))
    return named.filter((one) => labelCount(one) === most)
  }

  if (wanted.version === null || routes.every((one) => version(one) === null)) {
    const found = unasked(live)
    return found === undefined ? (unasked(gone) ?? null) : found
  }
  const asked = wanted.version
  if (asked.trim() === '' || semver.validRange(asked) === null) return 'malformed'
  const isExact = (one: Route): boolean =>
    semver.eq(version(one)!, semver.minVersion(asked)!) && semver.valid(asked) !== null
  const isReached = (one: Route): boolean => {
    if (version(one) === null) return false
    if (isNamed(one)) return true
    if (weight(one) === null) return labelCount(one) === 0
    return isExact(one) || share(one) > 0
  }
  const reached = (left: readonly Route[]): readonly Route[] => left.filter(isReached)
  const matching = (left: readonly Route[]): readonly Route[] => {
    const fits = left.filter((one) => semver.satisfies(version(one)!, asked))
    const [top] = fits.flatMap((one) => version(one) ?? []).toSorted(semver.rcompare)
    return fits.filter((one) => version(one) === top)
  }
  const narrowed = (left: readonly Route[]): Route | null => {
    const named = mostLabels(left)
    return last(named.length > 0 ? named : left, false)
  }
  for (const left of [live, gone]) {
    const found = matching(reached(left))
    if (found.length > 0) return narrowed(found)
  }
  const baselines = reached(live).filter(
    (one) =>
      one.selection!.isBaseline &&
      semver.intersects(asked, `>=${version(one)}`, { includePrerelease: true }),
  )
  if (baselines.length > 0) {
    const [top] = baselines.map((one) => version(one)!).toSorted(semver.rcompare)
    return narrowed(baselines.filter((one) => version(one) === top))
  }
  for (const left of [live, gone]) {
    const found = unasked(left.filter((one) => version(one) === null))
    if (found !== undefined) return found
  }
  return reached(routes).length > 0 ? 'unavailable' : null
}

const compare = (one: string | null, other: string | null): number =>
  one === null ? (other === null ? 0 : -1) : other === null ? 1 : semver.compare(one, other)
