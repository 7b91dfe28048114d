import {
  Range,
  compareBuild,
  intersects,
  maxSatisfying,
  rcompare,
  satisfies,
  valid,
  validRange,
} from 'semver'

/** Longest text of a version that a request may ask for. */
export const maxRequestedLength = 256

/** What has a version to be selected by. */
export interface Versioned {
  readonly version: string
  /** It also serves requests for later versions that nobody else serves. */
  readonly isBaseline: boolean
}

/** Whether a text is a version in full, `1.2.0` or `1.2.0-beta.1`; build metadata would not tell two apart. */
export function isVersion(text: string): boolean {
  return text.length <= maxRequestedLength && valid(text) === text
}

/** Below, at or above zero, by SemVer precedence; any release is above every pre-release. */
export function compareVersions(left: string, right: string): number {
  const isPre = (text: string): number => (text.split('+')[0]!.includes('-') ? 1 : 0)
  return isPre(right) - isPre(left) || compareBuild(left, right)
}

/**
 * Whether what a request asks for selects a version: `1.2.0` itself, `1.2` and `1.x` any that begin so, `^1.2`,
 * `>=1 <3` and `1 || 3` as npm reads them. A pre-release is selected only by a request that names one of the same
 * numbers. What is not understood selects nothing.
 */
export function selectsVersion(requested: string, version: string): boolean {
  return isRange(requested) && satisfies(version, requested)
}

/** `selectsVersion` for one request and many versions; null: the request is not understood and selects nothing. */
export function compileVersions(requested: string): ((version: string) => boolean) | null {
  if (!isRange(requested)) return null
  const range = new Range(requested)
  return (version) => range.test(version)
}

/** The highest version that a request selects, or null. */
export function highestMatch(requested: string, versions: readonly string[]): string | null {
  return isRange(requested) ? maxSatisfying([...versions], requested) : null
}

/**
 * All that serve a request for a version: those of the highest that it selects; where it selects none, those of the
 * highest baseline that is not later than what it asks for.
 */
export function selectVersions<Candidate extends Versioned>(
  requested: string,
  candidates: readonly Candidate[],
): readonly Candidate[] {
  if (!isRange(requested)) return []
  const highest = highestMatch(
    requested,
    candidates.map(({ version }) => version),
  )
  if (highest !== null) return candidates.filter(({ version }) => version === highest)
  const baselines = candidates.filter(
    ({ version, isBaseline }) =>
      isBaseline && intersects(requested, `>=${version}`, { includePrerelease: true }),
  )
  const [latest] = baselines.map(({ version }) => version).sort(rcompare)
  return baselines.filter(({ version }) => version === latest)
}

/** Whether a text selects versions: one in full, a part of one, or a range as npm reads them. */
export const isRange = (text: string): boolean =>
  text.length <= maxRequestedLength && text.trim() !== '' && validRange(text) !== null
