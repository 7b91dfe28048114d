import type { Labels } from '../route/upstream.ts'
import { compileVersions } from '../version/version.ts'

/** Whether an endpoint with these labels is in a subset. */
export type SubsetMatcher = (labels: Labels | undefined) => boolean

/**
 * Compiles what a route asks of an endpoint: every label as it is written; `version` also as a range (`v1.3.*`, `1.x`,
 * `>=1.2 <2`) that the endpoint's version lies in. A version that is not written in full (`1.3`, `stable`) lies in
 * none, and is met only by its own text.
 */
export function compileSubset(subset: Labels): SubsetMatcher {
  const tests = Object.entries(subset).map(([name, wanted]) => {
    const selects = name === 'version' ? compileVersions(wanted) : null
    return (labels: Labels): boolean => {
      const value = Object.hasOwn(labels, name) ? labels[name] : undefined
      if (value === undefined) return false
      return value === wanted || (selects !== null && selects(value))
    }
  })
  if (tests.length === 0) return () => true
  return (labels) => labels !== undefined && tests.every((holds) => holds(labels))
}
