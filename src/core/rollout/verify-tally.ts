import type { Comparison } from './compare.ts'
import type { VerifyReport } from './measurement.ts'
import { binomialAtLeast } from './probability.ts'

/** Most places that are remembered. Others count as the place `elsewhere`. */
export const maxTallyPlaces = 256
/** Most sets of places that differed together; above it only the first of a set is remembered. */
const maxGroups = 1024
const maxReported = 50
/** How likely it may be that of all noisy places one is taken for a difference. */
const noiseAlpha = 0.001
const elsewhere = 'elsewhere'

export interface TallyPlace {
  readonly place: string
  /** Comparisons in which canary and stable differ there, and the two runs of the stable version do not. */
  readonly onlyCanary: number
  /** Comparisons in which the two runs differ there, and canary and stable do not. */
  readonly onlyNoise: number
  /** All in which the two runs differ there. */
  readonly noise: number
  readonly request: string
  readonly stable: string | null
  readonly canary: string | null
}

/** What was compared so far. Plain data: it travels between processes, and adds up. */
export interface VerifyCounts {
  readonly compared: number
  readonly failed: number
  readonly places: readonly TallyPlace[]
  /** Comparisons by the places at which only the canary differed. */
  readonly groups: readonly { readonly places: readonly string[]; readonly count: number }[]
}

export const noCounts: VerifyCounts = { compared: 0, failed: 0, places: [], groups: [] }

type Entry = { -readonly [Key in keyof TallyPlace]: TallyPlace[Key] }

/** Gathers comparisons, in bounded memory: at most about 1 MB. */
export class VerifyTally {
  #compared = 0
  #failed = 0
  readonly #places = new Map<string, Entry>()
  readonly #groups = new Map<string, { readonly places: readonly string[]; count: number }>()

  /** @param request What was copied, for people: `GET /users/7`. */
  add(request: string, { differences, noise }: Comparison): void {
    this.#compared += 1
    const alone = new Set<string>()
    const differing = new Set<string>()
    for (const difference of differences) {
      differing.add(difference.place)
      if (noise.has(difference.place)) continue
      const entry = this.#entry(difference.place)
      if (alone.has(entry.place)) continue
      alone.add(entry.place)
      if (entry.onlyCanary === 0) {
        entry.request = request.slice(0, 200)
        entry.stable = difference.stable
        entry.canary = difference.canary
      }
      entry.onlyCanary += 1
    }
    const noisy = new Set<Entry>()
    for (const place of noise) {
      const entry = this.#entry(place)
      if (noisy.has(entry)) continue
      noisy.add(entry)
      entry.noise += 1
      if (!differing.has(place)) entry.onlyNoise += 1
    }
    if (alone.size > 0) this.#group([...alone].sort(), 1)
  }

  /** A copy that could not be made, or was not answered by all. */
  addFailed(): void {
    this.#failed += 1
  }

  addCounts(counts: VerifyCounts): void {
    this.#compared += counts.compared
    this.#failed += counts.failed
    for (const place of counts.places) {
      const entry = this.#entry(place.place)
      if (entry.onlyCanary === 0 && place.onlyCanary > 0) {
        entry.request = place.request
        entry.stable = place.stable
        entry.canary = place.canary
      }
      entry.onlyCanary += place.onlyCanary
      entry.onlyNoise += place.onlyNoise
      entry.noise += place.noise
    }
    for (const { places, count } of counts.groups)
      this.#group([...new Set(places.map((place) => this.#entry(place).place))].sort(), count)
  }

  counts(): VerifyCounts {
    return {
      compared: this.#compared,
      failed: this.#failed,
      places: Array.from(this.#places.values(), (entry) => ({ ...entry })),
      groups: Array.from(this.#groups.values(), (group) => ({ ...group })),
    }
  }

  #entry(place: string): Entry {
    const known = this.#places.get(place)
    if (known !== undefined) return known
    const name = this.#places.size < maxTallyPlaces - 1 ? place : elsewhere
    let entry = this.#places.get(name)
    if (entry === undefined) {
      entry = {
        place: name,
        onlyCanary: 0,
        onlyNoise: 0,
        noise: 0,
        request: '',
        stable: null,
        canary: null,
      }
      this.#places.set(name, entry)
    }
    return entry
  }

  #group(places: readonly string[], count: number): void {
    const key = places.join('\n')
    const known = this.#groups.get(key)
    if (known !== undefined) known.count += count
    else if (this.#groups.size < maxGroups || places.length === 1)
      this.#groups.set(key, { places, count })
    else this.#group(places.slice(0, 1), count)
  }
}

export function addCounts(list: readonly VerifyCounts[]): VerifyCounts {
  const tally = new VerifyTally()
  for (const counts of list) tally.addCounts(counts)
  return tally.counts()
}

/**
 * What the comparisons say. A place at which two runs of the stable version never differed counts each time the canary
 * differs there. At another one the two must be told apart: were the canary only another run of the stable version,
 * `only the canary differs` and `only the second run differs` would be equally likely, so that of all comparisons in
 * which one of them alone differs a fair coin says which (a sign test, as McNemar's). Such a place counts when the coin
 * would do it, for any of the places, less than once in 1,000 times.
 */
export function reportOf({ compared, failed, places, groups }: VerifyCounts): VerifyReport {
  const real = places
    .filter((place) => isReal(place, noiseAlpha / places.length))
    .sort((one, other) => other.onlyCanary - one.onlyCanary)
  const names = new Set(real.map(({ place }) => place))
  const different = groups.reduce(
    (sum, group) => (group.places.some((place) => names.has(place)) ? sum + group.count : sum),
    0,
  )
  const differences = real
    .slice(0, maxReported)
    .map(({ place, onlyCanary: count, noise, request, stable, canary }) => ({
      place,
      count,
      noise,
      request,
      stable,
      canary,
    }))
  return { compared, different, differences, failed }
}

const isReal = ({ onlyCanary, onlyNoise, noise }: TallyPlace, alpha: number): boolean =>
  onlyCanary > 0 &&
  (noise === 0 || binomialAtLeast(onlyCanary, onlyCanary + onlyNoise, 0.5) < alpha)
