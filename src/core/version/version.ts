import { Range, compareBuild, valid, validRange } from 'semver'

/** Longest text of a version that a request may ask for. */
export const maxRequestedLength = 256

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
 * What a request for versions selects: `1.2.0` itself, `1.2` and `1.x` any that begin so, `^1.2`, `>=1 <3` and `1 || 3` as
 * npm reads them. A pre-release is selected only by a request that names one of the same numbers. Null: the request is
 * not understood, and selects nothing.
 */
export function compileVersions(requested: string): ((version: string) => boolean) | null {
  if (!isRange(requested)) return null
  const range = new Range(requested)
  return (version) => range.test(version)
}

/** Whether a text selects versions: one in full, a part of one, or a range as npm reads them. */
export const isRange = (text: string): boolean =>
  text.length <= maxRequestedLength && text.trim() !== '' && validRange(text) !== null
