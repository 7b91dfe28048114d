import { canonicalPath } from '../../core/router/path.ts'

/** Whether `.` or `..` is a whole segment, however it is spelled. */
export const hasDotSegment = (path: string): boolean =>
  /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path)

/**
 * The canonical spelling of a path that was put together, or null where it is none. Dot segments are refused instead of
 * resolved: whoever wrote the first part of the path means to stay below it. `before`: the path that it was made from;
 * `%2F` and `%5C` are let through where the listener let them through there.
 */
export function sentPath(made: string, before: string): string | null {
  if (made.includes('?') || hasDotSegment(made)) return null
  return canonicalPath(made, {
    encodedSlash: before.includes('%2F') ? 'keep' : 'reject',
    encodedBackslash: before.includes('%5C') ? 'keep' : 'reject',
  }).path
}
