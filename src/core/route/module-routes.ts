import { parsePattern, shapeOf } from '../router/pattern.ts'
import { isVersion } from '../version/version.ts'
import {
  moduleNameOf,
  noSelection,
  plainRoute,
  type ModuleReference,
  type Route,
  type Selection,
  type Weight,
} from './route.ts'

/** What a module version lists. */
export interface ListedRoute {
  readonly id: string
  readonly method: string
  readonly path: string
}

/** A module version and what it lists. */
export interface ListedModule {
  readonly reference: ModuleReference
  readonly routes: readonly ListedRoute[]
}

/** A module's route id. */
export function routeId(module: string, method: string, path: string): string {
  return `${module}#${method} ${path}`
}

/** The group of weights of a module's versions. */
export const groupOf = (module: string): string => `module:${module}`

/**
 * The routes of an owner's modules. A version that stands alone leaves everything to method and path; several of one
 * module are told apart by version, labels and weights. A client is on one side for the whole module: where its side
 * lists no such route, it gets none of another side.
 */
export function routesOfModules(owner: string, modules: readonly ListedModule[]): readonly Route[] {
  return modules.flatMap((own) => {
    const rivals = modules.filter(
      (other) => moduleNameOf(other.reference) === moduleNameOf(own.reference),
    )
    return own.routes.map((listed) => routeOf(owner, own, rivals, listed))
  })
}

function routeOf(
  owner: string,
  own: ListedModule,
  rivals: readonly ListedModule[],
  listed: ListedRoute,
): Route {
  const { reference } = own
  const target = { kind: 'module', module: reference.name } as const
  const route = plainRoute(owner, listed.id, listed.method, listed.path, target)
  const { lifecycle } = reference
  const isAlone = rivals.length === 1 && reference.traffic === undefined
  return {
    ...route,
    ...(lifecycle !== undefined && { lifecycle }),
    ...(!isAlone && { selection: selectionOf(own, rivals, listed) }),
  }
}

function selectionOf(
  { reference }: ListedModule,
  rivals: readonly ListedModule[],
  listed: ListedRoute,
): Selection {
  const { name, version, labels = {}, traffic } = reference
  const weight: Weight | null =
    traffic === undefined
      ? null
      : {
          group: groupOf(moduleNameOf(reference)),
          side: name,
          ...traffic,
          ...absentAt(listed, rivals),
        }
  return { ...noSelection, version: isVersion(version) ? version : null, labels, weight }
}

/** Sides that have no route at the place. */
function absentAt(listed: ListedRoute, rivals: readonly ListedModule[]): Pick<Weight, 'absent'> {
  const place = placeOf(listed)
  const absent = rivals.flatMap(({ reference: { name, traffic }, routes }) =>
    traffic === undefined || routes.some((other) => placeOf(other) === place)
      ? []
      : [
          {
            side: name,
            weight: traffic.weight,
            ...(traffic.cohort !== undefined && { cohort: traffic.cohort.weight }),
          },
        ],
  )
  return absent.length === 0 ? {} : { absent }
}

const places = new WeakMap<ListedRoute, string>()

/** Patterns that differ in the names of their params alone are one place. */
function placeOf(listed: ListedRoute): string {
  const known = places.get(listed)
  if (known !== undefined) return known
  const { method, path } = listed
  const { pattern } = parsePattern(path)
  const place = `${method} ${pattern === null ? path : shapeOf(pattern)}`
  places.set(listed, place)
  return place
}
