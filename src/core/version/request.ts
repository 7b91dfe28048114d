import { intersects, prerelease, rcompare, valid } from 'semver'
import { compileVersions, isRange } from './version.ts'

/**
 * The versions of one place, highest first. A version is known by its rank here, so that a request compares numbers.
 * It keeps what was asked for: reading a range costs more than all the rest of a choice.
 */
export class VersionList {
  readonly versions: readonly string[]
  /** By rank. */
  readonly isRelease: readonly boolean[]
  readonly #isBaseline: readonly boolean[]
  /** Null until somebody asks: most places are never asked. */
  #known: Map<string, VersionRequest> | null

  /** `isBaseline`: also for later ones that nobody has. */
  constructor(all: readonly { readonly version: string; readonly isBaseline: boolean }[]) {
    this.versions = [...new Set(all.map(({ version }) => version))].sort(rcompare)
    this.isRelease = this.versions.map((version) => prerelease(version) === null)
    this.#isBaseline = this.versions.map((version) =>
      all.some((one) => one.isBaseline && one.version === version),
    )
    this.#known = null
  }

  /** -1 where it is none of the list. */
  rankOf(version: string | null): number {
    return version === null ? -1 : this.versions.indexOf(version)
  }

  /** What a text asks of this list. */
  request(text: string): VersionRequest {
    const known = this.#known?.get(text)
    if (known !== undefined) return known
    const made = this.#read(text)
    // Bounded: clients choose the texts.
    if (this.#known === null || this.#known.size >= maxKnown) this.#known = new Map()
    this.#known.set(text, made)
    return made
  }

  #read(text: string): VersionRequest {
    const selects = isRange(text) ? compileVersions(text) : null
    if (selects === null) return malformed
    const bySelf = this.versions.map(selects)
    const baselines = this.versions.flatMap((version, rank) =>
      this.#isBaseline[rank] === true &&
      intersects(text, `>=${version}`, { includePrerelease: true })
        ? [rank]
        : [],
    )
    return {
      isValid: true,
      exact: this.rankOf(valid(text.replace(/^[\s=]+/, ''))),
      selects: bySelf,
      baselines,
    }
  }
}

const maxKnown = 64

/** The list of a place without versions. */
export const noVersions: VersionList = new VersionList([])

/** A request for a version, read for one list. */
export interface VersionRequest {
  /** False: it is no version and no range. */
  readonly isValid: boolean
  /** The rank that it names in full, or -1. */
  readonly exact: number
  /** By rank. */
  readonly selects: readonly boolean[]
  /** Ranks that take it where it selects none, highest first. */
  readonly baselines: readonly number[]
}

const malformed: VersionRequest = { isValid: false, exact: -1, selects: [], baselines: [] }
