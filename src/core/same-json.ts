import type { Json } from './json.ts'

/** Whether two pieces of plain data say the same; the order of keys does not count. */
export function sameJson(left: Json, right: Json): boolean {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return false
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false
    return (left as readonly Json[]).every((one, at) =>
      sameJson(one, (right as readonly Json[])[at] ?? null),
    )
  }
  const [one, other] = [left, right] as [Record<string, Json>, Record<string, Json>]
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && sameJson(one[name]!, other[name]!))
  )
}
