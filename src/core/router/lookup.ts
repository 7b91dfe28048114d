import type { Told } from '../version/told.ts'
import type { Leaf } from './node.ts'
import { type Params, type Shape, decodeParams } from './params.ts'
import { type PathFault, type PathOptions, canonicalPath } from './path.ts'
import { type Router, treeOf } from './router.ts'
import { captures, matchEnd, stoppedExhausted, walkTree, whyStopped } from './walk.ts'

// A constant of this module, for the reason that `walk.ts` gives.
const spans = captures

/** A route serves the request. */
export interface Match<T> {
  readonly kind: 'match'
  readonly value: T
  readonly params: Params
  /** The pattern as it was written. */
  readonly pattern: string
  /** The canonical path where it differs from the target's path part; null where that is canonical. */
  readonly canonical: string | null
  /** Where the path part ends in the raw target: the index of `?`, or the target's length. */
  readonly pathEnd: number
  /** What who chose has to say of it; null: there was nothing to choose. */
  readonly told: Told | null
  /** Null: it was not found in a tree. */
  readonly leaf: Leaf<T> | null
}

/** No route of the method serves the path. */
export interface Miss {
  readonly kind: 'miss'
  /** The canonical path. */
  readonly path: string
}

/** The target has no canonical path, or too many alternatives would have to be tried for it. */
export interface Invalid {
  readonly kind: 'invalid'
  readonly fault: PathFault | 'too-many-alternatives'
}

export type Found<T> = Match<T> | Miss | Invalid

/**
 * Asked at each leaf that would serve the request: the leaf to take, or null for none of its place; then the walk goes
 * on. No chooser takes every leaf.
 */
export type Chooser<T> = ((leaf: Leaf<T>) => Leaf<T> | null) | null

/**
 * Finds the route that serves a request: static before constrained param before param before rest, with
 * backtracking.
 *
 * The answer is, for every target, that of the canonical path: `findPath(router, method,
 * canonicalPath(target).path)`. A scan of every target in front of the walk would cost more than a
 * static look-up does, so the walk goes over the raw target and *proves* it canonical on the way:
 *
 * 1. What a walk matches is static runs and captures, end to end from the first `/` to `?` or the end. Runs
 *    are canonical text and were compared; captures were scanned for everything that `canonicalPath`
 *    touches; runs meet captures at segment boundaries, so neither an escape nor a dot segment nor `//`
 *    can straddle them. Hence a match that is accepted proves that the path part is its own canonical
 *    path.
 * 2. On a canonical path the raw walk takes the very steps of the canonical one, as long as it meets
 *    nothing dirty; the first dirty capture on any branch, taken or not, ends it.
 * 3. So an accepted match is the canonical walk's. Everything else - a miss, a dirty capture, too many
 *    alternatives - decides nothing: the canonical path is computed and walked from scratch, and a
 *    target that has none is `invalid`, never a match.
 */
export function findRoute<T>(
  router: Router<T>,
  method: string,
  target: string,
  options?: PathOptions,
  choose: Chooser<T> = null,
): Found<T> {
  let leaf = walkTree(treeOf(router, method), target, true, choose)
  if (leaf === null && method === 'HEAD' && whyStopped() === 0) {
    leaf = walkTree(router.GET, target, true, choose)
  }
  if (leaf !== null) {
    return {
      kind: 'match',
      value: leaf.value,
      params: leaf.shape.make(target, spans),
      pattern: leaf.text,
      canonical: null,
      pathEnd: matchEnd(),
      told: null,
      leaf,
    }
  }
  return findCanonically(router, method, target, options, choose)
}

function findCanonically<T>(
  router: Router<T>,
  method: string,
  target: string,
  options: PathOptions | undefined,
  choose: Chooser<T>,
): Found<T> {
  const { path, fault } = canonicalPath(target, options)
  if (path === null) return { kind: 'invalid', fault }
  const found = findPath(router, method, path, choose)
  if (found.kind !== 'match') return found
  const mark = target.indexOf('?')
  const pathEnd = mark < 0 ? target.length : mark
  const isSame = path.length === pathEnd && target.startsWith(path)
  return { ...found, canonical: isSame ? null : path, pathEnd }
}

/** `findRoute` for a path that is canonical already. */
export function findPath<T>(
  router: Router<T>,
  method: string,
  path: string,
  choose: Chooser<T> = null,
): Found<T> {
  let leaf = walkTree(treeOf(router, method), path, false, choose)
  if (leaf === null && method === 'HEAD' && whyStopped() === 0)
    leaf = walkTree(router.GET, path, false, choose)
  if (leaf === null) {
    return whyStopped() === stoppedExhausted
      ? { kind: 'invalid', fault: 'too-many-alternatives' }
      : { kind: 'miss', path }
  }
  return {
    kind: 'match',
    value: leaf.value,
    params: paramsOf(leaf.shape, path),
    pattern: leaf.text,
    canonical: null,
    pathEnd: path.length,
    told: null,
    leaf,
  }
}

/**
 * The methods that have a route for a canonical path, sorted; HEAD wherever GET is. Empty: 404. Else the
 * `Allow` of a 405 or of an automatic OPTIONS answer, to which the caller adds OPTIONS. An any-method
 * route gives `*`: then no method is refused.
 */
export function allowedMethods<T>(router: Router<T>, path: string): readonly string[] {
  const allowed = new Set<string>()
  if (walkTree(router.any, path, false) !== null) allowed.add('*')
  for (const { method, tree } of router.methods) {
    if (walkTree(tree, path, false) !== null) allowed.add(method)
  }
  if (allowed.has('GET')) allowed.add('HEAD')
  return [...allowed].sort()
}

function paramsOf(shape: Shape, path: string): Params {
  const params = shape.make(path, spans)
  return shape.names.length === 0 || !path.includes('%') ? params : decodeParams(params, shape)
}
