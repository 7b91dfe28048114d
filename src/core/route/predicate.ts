// Replaced by the merge.
import type { Predicate } from './route.ts'
export interface Facts {
  header(name: string): string | undefined
  remoteAddress(): string | undefined
  readonly target: string
}
export function compilePredicates(
  _p: readonly Predicate[],
): (facts: Facts, now: number) => boolean {
  return () => true
}
export function areDisjoint(_l: readonly Predicate[], _r: readonly Predicate[]): boolean {
  return false
}
export function isStricter(_l: readonly Predicate[], _r: readonly Predicate[]): boolean {
  return false
}
export function witnessOf(_l: readonly Predicate[], _r: readonly Predicate[]): string | null {
  return null
}
