import { diffMaps, getKey } from '../persistent-map.ts'
import { compareVersions } from '../version/version.ts'
import { routeId, type ListedModule } from './module-routes.ts'
import { moduleNameOf, type ModuleReference, type Traffic } from './route.ts'
import { modulesOf, type Table } from './table.ts'

/**
 * Of several versions of a module the one that serves who asks for none: the one with the largest share, and without
 * shares the highest that is no pre-release. Undefined: there are none.
 */
export function inServiceOf(versions: readonly ModuleReference[]): ModuleReference | undefined {
  return [...versions].sort(
    (left, right) => shareOf(right) - shareOf(left) || compareVersions(right.version, left.version),
  )[0]
}

const shareOf = ({ traffic }: ModuleReference): number => traffic?.weight ?? 0

/** Versions of the module of that name. */
export const versionsOf = (
  modules: readonly ListedModule[],
  module: string,
): readonly ListedModule[] => modules.filter(({ reference }) => moduleNameOf(reference) === module)

/**
 * What an owner has once its source has spoken. A version that comes beside the one in service enters the isolation
 * zone, whether it is higher or not; those that stay keep their shares.
 *
 *     before          source says       after
 *     1.3.0           1.3.0 2.0.0       1.3.0 (100 %)  2.0.0 (0 %)
 *     (nothing)       1.3.0 2.0.0       1.3.0          2.0.0: the highest serves
 */
export function sideBySide(
  now: readonly ListedModule[],
  next: readonly ListedModule[],
): readonly ListedModule[] {
  if (next.length < 2) return next
  return next.map((one) => {
    const before = versionsOf(now, moduleNameOf(one.reference)).map(({ reference }) => reference)
    const same = before.find(({ name }) => name === one.reference.name)
    const kept = next.some(({ reference }) => reference.name === inServiceOf(before)?.name)
    if (!kept) return one
    if (same?.traffic !== undefined) return withSelection(one, same)
    const isNew = next.some(({ reference }) => !before.some(({ name }) => name === reference.name))
    if (same === undefined) return withTraffic(one, { weight: 0 })
    const serves = same.name === inServiceOf(before)?.name
    return isNew ? withTraffic(one, { weight: serves ? 100 : 0 }) : one
  })
}

/** The same version, with what decides whom it serves as another has it. */
const withSelection = (
  listed: ListedModule,
  { traffic, labels }: ModuleReference,
): ListedModule => ({
  ...listed,
  reference: {
    ...listed.reference,
    ...(traffic !== undefined && { traffic }),
    ...(labels !== undefined && { labels }),
  },
})

/** The same version with another share of the clients; null: no weight decides. */
export function withTraffic(listed: ListedModule, traffic: Traffic | null): ListedModule {
  const { traffic: _, ...reference } = listed.reference
  return {
    ...listed,
    reference: traffic === null ? reference : { ...reference, traffic },
  }
}

/** The same version under the name that a version beside another has. */
export function besideName(module: string, version: string): string {
  return `${module}@${version}`
}

/** The same version and its routes under another name. */
export function renamed(listed: ListedModule, name: string): ListedModule {
  const { module: _, ...rest } = listed.reference
  const module = moduleNameOf(listed.reference)
  return {
    reference: { ...rest, name, ...(module !== name && { module }) },
    routes: listed.routes.map(({ method, path }) => ({
      id: routeId(name, method, path),
      method,
      path,
    })),
  }
}

/** Modules that a table has under another name than the one before: name now, name before. */
export function* movesBetween(before: Table, after: Table): Generator<readonly [string, string]> {
  const gone: ModuleReference[] = []
  const came: ModuleReference[] = []
  for (const [, from, to] of diffMaps(before.modules, after.modules)) {
    if (from !== undefined && from.digest !== to?.digest) gone.push(from)
    if (to !== undefined && to.digest !== from?.digest) came.push(to)
  }
  for (const to of came) {
    const from = gone.find(
      (one) => one.digest === to.digest && moduleNameOf(one) === moduleNameOf(to),
    )
    if (from !== undefined) yield [to.name, from.name]
  }
}

/** Whose state a version takes over: that of its name, or that of the version in service which it follows. */
export function stateSourceOf(
  before: Table,
  after: Table,
  reference: ModuleReference,
): string | null {
  const { name, owner } = reference
  const same = getKey(before.modules, name)
  // It serves on under another name, with its state: two never share one.
  const servesOn = ({ name: other, digest }: ModuleReference): boolean =>
    other !== name && digest === same?.digest
  if (same !== undefined) return [...modulesOf(after, same.owner)].some(servesOn) ? null : name
  const ofModule = (table: Table): readonly ModuleReference[] =>
    [...modulesOf(table, owner)].filter((one) => moduleNameOf(one) === moduleNameOf(reference))
  const left = inServiceOf(ofModule(before))
  const isGone = left !== undefined && getKey(after.modules, left.name) === undefined
  return isGone && inServiceOf(ofModule(after))?.name === name ? left.name : null
}
