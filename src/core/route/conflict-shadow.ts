import { spend, withEffort } from '../effort.ts'
import { problem, type Problem } from '../errors.ts'
import { findPath } from '../router/lookup.ts'
import { encoded, findOverlapping, tokensOf, type Token } from '../router/overlap.ts'
import { anyWords, someWords } from '../router/overlap-words.ts'
import { parsePattern } from '../router/pattern.ts'
import { anyMethod, type Router } from '../router/router.ts'
import { Shared, routesAt, type Placed } from './choice.ts'
import {
  maxEffort,
  maxFindings,
  placingsOf,
  treesOf,
  type Placing,
  type Standing,
  type Witness,
} from './conflict.ts'
import type { Route } from './route.ts'

/** A route that no request was found for. */
export interface Shadow {
  readonly route: Route
  /** Routes that serve what it could serve; empty where its own constraints take nothing. */
  readonly by: readonly Route[]
  /** A request of the route that another one serves. */
  readonly witness: Witness | null
}

const maxWords = 40
const maxTries = 1_000
// More segments than a pattern has params, so only another rest can take them.
const deep = 34
/** No route is likely to have it, so it asks any-method routes alone. */
const otherMethod = 'TURNOUT-WITNESS'

/** The shadow as a warning. */
export function warningOf({ route, by, witness }: Shadow): Problem {
  const reason =
    witness === null
      ? 'a constraint takes no segment'
      : `${by.map(({ id, owner }) => `${id} (${owner})`).join(', ')} served every request that was tried, like ${witness.method} ${witness.path}`
  return problem('TURNOUT_ROUTE_SHADOWED', { route: route.id, owner: route.owner, reason })
}

/**
 * Finds routes of a table that are never reached: among `put`, which stand in it, and among those that they overlap.
 * A route is reachable when a request was found that it serves. The search tries segments of many kinds for
 * each param, so what it reports it has not proved; control characters in segments do not count. A route with a
 * constraint that is not understood is reported only when it can be judged by the segments that were tried.
 */
export function findShadowed(standing: Standing, put: Iterable<Route>): readonly Shadow[] {
  return withEffort(maxEffort, () => shadowsIn(standing, put))
}

function shadowsIn({ router }: Standing, put: Iterable<Route>): readonly Shadow[] {
  const placings = new Map<string, Placing>()
  const add = (one: Placing): void => {
    // What a request's fields decide cannot be judged by its path.
    if (one.route.selection !== null) return
    placings.set(`${one.method} ${one.route.id} ${one.pattern.text}`, one)
  }
  for (const route of put) {
    if (!route.enabled) continue
    for (const one of placingsOf(route).placings) {
      add(one)
      for (const { tree, method } of treesOf(router, one.method)) {
        let count = 0
        findOverlapping(tree, one.pattern, ({ leaf }) => {
          if (leaf.shape.method !== method) return false
          const { pattern } = parsePattern(leaf.text)
          if (pattern !== null)
            for (const other of routesAt(leaf.value)) add({ route: other, method, pattern })
          count += 1
          return count >= maxFindings
        })
      }
    }
  }
  return [...placings.values()].flatMap((one) => shadowOf(router, one) ?? [])
}

function shadowOf(router: Router<Placed>, { route, method: own, pattern }: Placing): Shadow | null {
  const choices: (readonly string[])[] = []
  // What nothing was found out about is not reported.
  if (!spend(1)) return null
  for (const token of tokensOf(pattern)) {
    const words = wordsFor(token)
    if (words === null) return null
    if (words.length === 0) return { route, by: [], witness: null }
    choices.push(words)
  }
  const method = own === anyMethod ? otherMethod : own
  const by = new Set<Route>()
  let witness: Witness | null = null
  for (const words of combinations(choices)) {
    if (!spend(words.length)) return null
    const path = `/${words.join('/')}`
    const found = findPath(router, method, path)
    // Too many alternatives tell nothing; where fields decide, some request may come through.
    if (found.kind !== 'match' || found.value instanceof Shared || found.value.id === route.id)
      return null
    witness ??= { method: own === anyMethod ? 'GET' : method, path }
    if (by.size < maxFindings) by.add(found.value)
  }
  return { route, by: [...by], witness }
}

/** Segments to try, as they stand in a path. */
function wordsFor(token: Token): readonly string[] | null {
  switch (token.kind) {
    case 'static':
      return [token.text]
    case 'param':
      return anyWords.map(encoded)
    case 'constrained':
      return someWords(token.source, maxWords)?.map(encoded) ?? null
    case 'rest':
      return [...[deep, 1, 2, 3, 5, 8].map((size) => `${'x~/'.repeat(size - 1)}x~`), '', 'x~/']
    default:
      return token satisfies never
  }
}

/** First the n-th of each, so that every choice is seen early; then all, up to a bound. */
function* combinations(choices: readonly (readonly string[])[]): Generator<readonly string[]> {
  const most = Math.max(0, ...choices.map(({ length }) => length))
  for (let at = 0; at < most; at += 1) yield choices.map((words) => words[at % words.length] ?? '')
  const total = choices.reduce((product, { length }) => Math.min(product * length, maxTries), 1)
  for (let index = 0; index < total; index += 1) {
    let left = index
    yield choices.map((words) => {
      const word = words[left % words.length] ?? ''
      left = Math.floor(left / words.length)
      return word
    })
  }
}
