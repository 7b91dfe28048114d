import type { Leaf, TreeNode } from './node.ts'
import { shapeFor } from './params.ts'
import type { Pattern } from './pattern.ts'
import {
  type Edit,
  batchEdit,
  buildEdit,
  dropLeaf,
  leafAt,
  leavesOf,
  putLeaf,
  singleEdit,
} from './tree.ts'

/** The method of a route that serves every method. */
export const anyMethod = '*'

type Tree<T> = TreeNode<Leaf<T>> | null

/** The tree of one method that has routes of its own. */
interface MethodTree<T> {
  readonly method: string
  readonly tree: TreeNode<Leaf<T>>
  /** Routes of this method; any-method routes in its tree are not counted. */
  readonly size: number
}

/**
 * A router: which value serves a method and a path. Immutable; every change makes a new one that shares
 * all untouched nodes with the old one, which stays valid for ever.
 *
 * One tree per method that has routes of its own, so that `POST /users/me` does not hide
 * `GET /users/:id`. Any-method routes lie in each of these trees (but HEAD's) and in `any`, the tree of
 * all other methods; so the path decides first, then the method. At the same place a method's own route
 * covers the any-method one, which shows again when the former is removed.
 *
 * HEAD asks HEAD's own routes, then what serves GET.
 */
export interface Router<T> {
  /** How many routes: (method, shape) pairs. */
  readonly size: number
  readonly any: Tree<T>
  readonly anySize: number
  readonly methods: readonly MethodTree<T>[]
  // What look-ups read: the tree that serves a common method, or null.
  readonly GET: Tree<T>
  readonly POST: Tree<T>
  readonly PUT: Tree<T>
  readonly DELETE: Tree<T>
  readonly PATCH: Tree<T>
  readonly OPTIONS: Tree<T>
  /** HEAD's own routes only. */
  readonly HEAD: Tree<T>
}

/** One route as the router lists it. `pattern` is the text as it was written. */
export interface RouterEntry<T> {
  readonly method: string
  readonly pattern: string
  readonly value: T
}

/** One step of a batch. `put` adds, or replaces what lies at the same place. */
export type RouterChange<T> =
  | { readonly kind: 'put'; readonly method: string; readonly pattern: Pattern; readonly value: T }
  | { readonly kind: 'remove'; readonly method: string; readonly pattern: Pattern }

interface Trees<T> {
  readonly any: Tree<T>
  readonly anySize: number
  readonly methods: readonly MethodTree<T>[]
}

function routerOf<T>({ any, anySize, methods }: Trees<T>): Router<T> {
  const of = (method: string): Tree<T> =>
    methods.find((known) => known.method === method)?.tree ?? any
  return Object.freeze({
    size: methods.reduce((sum, { size }) => sum + size, anySize),
    any,
    anySize,
    methods,
    GET: of('GET'),
    POST: of('POST'),
    PUT: of('PUT'),
    DELETE: of('DELETE'),
    PATCH: of('PATCH'),
    OPTIONS: of('OPTIONS'),
    HEAD: methods.find(({ method }) => method === 'HEAD')?.tree ?? null,
  })
}

/** The router without routes. */
export const emptyRouter: Router<never> = routerOf<never>({ any: null, anySize: 0, methods: [] })

/** The tree that serves a method; for HEAD that of its own routes only. Methods are case-sensitive. */
export function treeOf<T>(router: Router<T>, method: string): Tree<T> {
  switch (method) {
    case 'GET':
      return router.GET
    case 'POST':
      return router.POST
    case 'PUT':
      return router.PUT
    case 'DELETE':
      return router.DELETE
    case 'PATCH':
      return router.PATCH
    case 'OPTIONS':
      return router.OPTIONS
    case 'HEAD':
      return router.HEAD
    default:
      for (const known of router.methods) if (known.method === method) return known.tree
      return router.any
  }
}

/** A router of many routes, made at once; a later route replaces an earlier one at the same place. */
export function buildRouter<T>(
  routes: Iterable<{ readonly method: string; readonly pattern: Pattern; readonly value: T }>,
): Router<T> {
  const edit = buildEdit()
  // Any-method routes first: every other tree then begins as a copy of `any`, and none may write to `any`.
  const own: { readonly method: string; readonly pattern: Pattern; readonly value: T }[] = []
  let any: Trees<T> = { any: null, anySize: 0, methods: [] }
  for (const route of routes) {
    if (route.method === anyMethod)
      any = putRoute(edit, any, route.method, route.pattern, route.value)
    else own.push(route)
  }
  const trees = new Map<string, { tree: Tree<T>; size: number }>()
  const shared = any.any === null ? edit : batchEdit()
  for (const { method, pattern, value } of own) {
    let known = trees.get(method)
    if (known === undefined) {
      known = { tree: method === 'HEAD' ? null : any.any, size: 0 }
      trees.set(method, known)
    }
    const before = leafAt(known.tree, pattern)
    if (before === null || before.shape.method !== method) known.size += 1
    known.tree = putLeaf(shared, known.tree, pattern, leafOf(method, pattern, value))
  }
  const methods = [...trees].flatMap(([method, { tree, size }]) =>
    tree === null ? [] : [{ method, tree, size }],
  )
  return routerOf({ ...any, methods })
}

/** Adds a route, or replaces the one at the same place; `placeOf` tells beforehand. */
export function insertRoute<T>(
  router: Router<T>,
  method: string,
  pattern: Pattern,
  value: T,
): Router<T> {
  return routerOf(putRoute(singleEdit, router, method, pattern, value))
}

/** Takes a route away; the same router when there is none at the place. */
export function removeRoute<T>(router: Router<T>, method: string, pattern: Pattern): Router<T> {
  const trees = dropRoute(singleEdit, router, method, pattern)
  return trees === router ? router : routerOf(trees)
}

/** Many changes as one: each node is copied at most once. Later changes see earlier ones. */
export function editRouter<T>(router: Router<T>, changes: Iterable<RouterChange<T>>): Router<T> {
  const edit = batchEdit()
  let trees: Trees<T> = router
  for (const change of changes) {
    trees =
      change.kind === 'put'
        ? putRoute(edit, trees, change.method, change.pattern, change.value)
        : dropRoute(edit, trees, change.method, change.pattern)
  }
  return trees === router ? router : routerOf(trees)
}

/**
 * The route at a place: same method and same shape (names of params do not matter, sources of
 * constraints do). An any-method route is at the place of method `*` only.
 */
export function placeOf<T>(
  router: Router<T>,
  method: string,
  pattern: Pattern,
): RouterEntry<T> | undefined {
  const leaf = leafOfPlace(router, method, pattern)
  return leaf === null ? undefined : entryOf(leaf)
}

/** The same with the names of its params. */
export function leafOfPlace<T>(
  router: Router<T>,
  method: string,
  pattern: Pattern,
): Leaf<T> | null {
  const tree = method === anyMethod ? router.any : ownTree(router, method)
  const leaf = leafAt(tree, pattern)
  return leaf === null || leaf.shape.method !== method ? null : leaf
}

/** Every route, each once. */
export function* entriesOf<T>(router: Router<T>): Generator<RouterEntry<T>> {
  for (const leaf of leavesOf(router.any)) yield entryOf(leaf)
  for (const { method, tree } of router.methods) {
    for (const leaf of leavesOf(tree)) if (leaf.shape.method === method) yield entryOf(leaf)
  }
}

function entryOf<T>(leaf: Leaf<T>): RouterEntry<T> {
  return { method: leaf.shape.method, pattern: leaf.text, value: leaf.value }
}

function leafOf<T>(method: string, pattern: Pattern, value: T): Leaf<T> {
  const names = pattern.edges.map(({ name }) => name)
  const hasRest = pattern.edges.at(-1)?.kind === 'rest'
  return { text: pattern.text, value, shape: shapeFor(method, names, hasRest), memo: null }
}

function ownTree<T>(trees: Trees<T>, method: string): Tree<T> {
  return trees.methods.find((known) => known.method === method)?.tree ?? null
}

function putRoute<T>(
  edit: Edit,
  trees: Trees<T>,
  method: string,
  pattern: Pattern,
  value: T,
): Trees<T> {
  const leaf = leafOf(method, pattern, value)
  if (method === anyMethod) return putAny(edit, trees, pattern, leaf)
  const { any, anySize, methods } = trees
  const known = methods.find((known) => known.method === method)
  const tree = known?.tree ?? (method === 'HEAD' ? null : any)
  // From here on two trees share the nodes of `any`: none of them may be written to.
  if (known === undefined) edit.fresh?.clear()
  const isNew = leafAt(tree, pattern)?.shape.method !== method
  const changed = {
    method,
    tree: putLeaf(edit, tree, pattern, leaf),
    size: (known?.size ?? 0) + (isNew ? 1 : 0),
  }
  return {
    any,
    anySize,
    methods: known
      ? methods.map((other) => (other === known ? changed : other))
      : [...methods, changed],
  }
}

function putAny<T>(edit: Edit, trees: Trees<T>, pattern: Pattern, leaf: Leaf<T>): Trees<T> {
  const isNew = leafAt(trees.any, pattern) === null
  return {
    any: putLeaf(edit, trees.any, pattern, leaf),
    anySize: trees.anySize + (isNew ? 1 : 0),
    methods: trees.methods.map((known) =>
      known.method === 'HEAD' || leafAt(known.tree, pattern)?.shape.method === known.method
        ? known
        : { ...known, tree: putLeaf(edit, known.tree, pattern, leaf) },
    ),
  }
}

function dropRoute<T>(edit: Edit, trees: Trees<T>, method: string, pattern: Pattern): Trees<T> {
  if (method === anyMethod) return dropAny(edit, trees, pattern)
  const { any, anySize, methods } = trees
  const known = methods.find((known) => known.method === method)
  if (known === undefined || leafAt(known.tree, pattern)?.shape.method !== method) return trees
  const covered = method === 'HEAD' ? null : leafAt(any, pattern)
  const tree =
    covered === null
      ? dropLeaf(edit, known.tree, pattern)
      : putLeaf(edit, known.tree, pattern, covered)
  return {
    any,
    anySize,
    // A tree with any-method routes only is what `any` is already.
    methods:
      known.size === 1 || tree === null
        ? methods.filter((other) => other !== known)
        : methods.map((other) =>
            other === known ? { method, tree, size: known.size - 1 } : other,
          ),
  }
}

function dropAny<T>(edit: Edit, trees: Trees<T>, pattern: Pattern): Trees<T> {
  if (trees.any === null || leafAt(trees.any, pattern) === null) return trees
  return {
    any: dropLeaf(edit, trees.any, pattern),
    anySize: trees.anySize - 1,
    methods: trees.methods.flatMap((known) => {
      if (leafAt(known.tree, pattern)?.shape.method !== anyMethod) return [known]
      const tree = dropLeaf(edit, known.tree, pattern)
      return tree === null ? [] : [{ ...known, tree }]
    }),
  }
}
