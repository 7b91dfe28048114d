import type { Json } from '../json.ts'
import type { Filter, StreamPolicy } from './filter.ts'
import type { HashKey, Labels } from './upstream.ts'

export type { Endpoint, Upstream } from './upstream.ts'

/** Where a matched route goes. */
export type Target =
  | {
      readonly kind: 'module'
      /** Name of the route module. */
      readonly module: string
    }
  | {
      readonly kind: 'closure'
      /** A handler of the embedding program: volatile, it lives only in this process. */
      readonly run: unknown
    }
  | {
      readonly kind: 'upstream'
      /** Name of an upstream of the same table. */
      readonly upstream: string
      /** Only endpoints that have these labels: a text, or a SemVer range for `version`. Not there: all. */
      readonly subset?: Labels
    }
  | {
      readonly kind: 'uri'
      /** `http://`, `https://` or `unix:/`: an upstream of one endpoint that lives as long as routes name it. */
      readonly uri: string
    }
  | {
      readonly kind: 'respond'
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }
  | {
      readonly kind: 'redirect'
      /** 301, 302, 303, 307 or 308. */
      readonly status: number
      /** An absolute URL, or a path that begins with `/`. */
      readonly location: string
    }

/** One condition on a request, beside path and method. Regular expressions (RE2) match a whole value. */
export type Predicate =
  | {
      readonly kind: 'host'
      /**
       * Host names without port, any of which holds. `*` and `{name}` are one label or a part of one, `?` is one
       * character, `**` any number of labels, none too.
       */
      readonly patterns: readonly string[]
    }
  | {
      /**
       * With neither `equals` nor `matches` the field, parameter or cookie only has to be there. A header that is sent
       * several times is one value, joined by `, `; of a parameter or cookie the first one counts.
       */
      readonly kind: 'header' | 'query' | 'cookie'
      readonly name: string
      readonly equals: string | null
      readonly matches: string | null
    }
  /** Instants in ISO 8601, UTC. `from` is the first instant that holds, `until` the first that no longer does. */
  | { readonly kind: 'time'; readonly from: string | null; readonly until: string | null }
  | {
      readonly kind: 'client'
      /** Addresses or CIDR blocks, any of which holds. */
      readonly sources: readonly string[]
      /**
       * Null: the address of the connection. A number: that of `X-Forwarded-For` so many places from its end (1 is
       * the last), and the first one where there are fewer.
       */
      readonly trusted: number | null
    }

/**
 * A share of the clients of a group. A client falls to one side of a group by weighted rendezvous of its key: it keeps
 * its side while other sides only shrink, and a side that goes gives away only its own.
 */
export interface Weight {
  readonly group: string
  readonly weight: number
  /** The side of the group that the route belongs to. Not there: the route is a side of its own, by its id. */
  readonly side?: string
  /** What stands for a client. Not there: its address, and where the request lacks it, too. */
  readonly key?: HashKey
  /** Other weights for clients for whom all of these hold: the route's own, and by side those of `absent`. */
  readonly cohort?: { readonly predicates: readonly Predicate[]; readonly weight: number }
  /** Sides of the group that have no route at this place: their clients are not served by it. */
  readonly absent?: readonly {
    readonly side: string
    readonly weight: number
    /** For the clients of the cohort. Not there: `weight`. */
    readonly cohort?: number
  }[]
}

/** Where a version is in its life. Instants in ISO 8601, UTC. */
export interface Lifecycle {
  readonly state: 'current' | 'maintenance' | 'deprecated' | 'retired'
  /** RFC 9745. */
  readonly deprecatedAt: string | null
  /** RFC 8594; never before `deprecatedAt`. */
  readonly sunsetAt: string | null
  /** After `sunsetAt` it answers 410. */
  readonly isGoneAfterSunset: boolean
  /** URLs: `rel="deprecation"`, `rel="sunset"`, `rel="successor-version"`. */
  readonly links: {
    readonly deprecation?: string
    readonly sunset?: string
    readonly successor?: string
  }
}

/** What decides among routes of one place. */
export interface Selection {
  /** All must hold. */
  readonly predicates: readonly Predicate[]
  /** SemVer that an explicit version request selects; null: no version. */
  readonly version: string | null
  /** The version also serves requests for later ones that nobody else serves. */
  readonly isBaseline: boolean
  /** Whoever asks for all of them is served. Without a weight nobody else is; with one, its share too. */
  readonly labels: Readonly<Record<string, string>>
  readonly weight: Weight | null
  /** Lower comes first. */
  readonly order: number
}

/** What a route says that leaves everything to path and method. */
export const noSelection: Selection = {
  predicates: [],
  version: null,
  isBaseline: false,
  labels: {},
  weight: null,
  order: 0,
}

/**
 * A route as authored: plain data (but for a closure's handler), never changed once it stands in a table. It lies at
 * each of its methods and paths.
 */
export interface Route {
  /** Unique in a table: `module#METHOD pattern` for a module, `METHOD pattern` for a closure, else as given. */
  readonly id: string
  /** Who may replace or remove it: `files:users`, `app`, `admin`. */
  readonly owner: string
  /** Method tokens; `['*']` for any method. */
  readonly methods: readonly string[]
  /** Patterns, `/users/:id`. */
  readonly paths: readonly string[]
  readonly target: Target
  /** Around the target, the first one outermost. Not there: none. */
  readonly filters?: readonly Filter[]
  /** Not there: `defaultStreams`. */
  readonly streams?: StreamPolicy
  /** Null: nothing but path and method decides. */
  readonly selection: Selection | null
  /** Not there: it is current, and says nothing of itself. */
  readonly lifecycle?: Lifecycle
  /** False: it stands in the table and serves nothing. */
  readonly enabled: boolean
  readonly metadata: { readonly [key: string]: Json } | null
  /** The Spring Cloud Gateway definition that it was made from, as it was given; null: it came in our own shape. */
  readonly definition: Json | null
  /** Number of the revision that last touched it. */
  readonly revision: number
}

/** A version's share of the clients of its module. */
export interface Traffic {
  /** In percent. Zero: the isolation zone, reached by exact version or by label only. */
  readonly weight: number
  /** What stands for a client. Not there: its address. */
  readonly key?: HashKey
  /** Another share for clients for whom all of these hold. */
  readonly cohort?: { readonly predicates: readonly Predicate[]; readonly weight: number }
}

/** Which code of a module a table means: the artifact is named by digest, never held. Plain data. */
export interface ModuleReference {
  /** Unique in a table: what the module is called, or `users@2.0.0` for a version beside the one of that name. */
  readonly name: string
  /** The module that it is a version of. Not there: it is called so itself. */
  readonly module?: string
  /** Not there: no weight decides, and of several versions the highest serves those who ask for none. */
  readonly traffic?: Traffic
  /** Of its routes: what a request may ask for instead of the version. Not there: none. */
  readonly labels?: Labels
  /** As its author says it. Not there: current. */
  readonly lifecycle?: Lifecycle
  readonly owner: string
  /** SemVer of the module, as its author gave it. */
  readonly version: string
  /** Digest of the artifact, or a label that is unique in this process for a module given as an object. */
  readonly digest: string
  /** Entry file, where the module came from one. */
  readonly file: string | null
  /** Names of the filters that it registers, in order. Not there: none. */
  readonly filters?: readonly string[]
  /** Where its author wants its code to run. Not there: in the worker. */
  readonly isolation?: 'isolated'
  /** Most memory of its own process, in MB. Not there: no cap. */
  readonly memoryMb?: number
  /** Number of the revision that last touched it. */
  readonly revision: number
}

/** What a module is called, whichever version of it is meant. */
export const moduleNameOf = ({ module, name }: ModuleReference): string => module ?? name

const methodLists = new Map<string, readonly string[]>()
const maxLists = 1_000

/** A list of one method, shared by all routes that have it: a table may have a million of them. */
function listOf(method: string): readonly string[] {
  const known = methodLists.get(method)
  if (known !== undefined) return known
  const list = Object.freeze([method])
  if (methodLists.size < maxLists) methodLists.set(method, list)
  return list
}

/** A route of one method and one path that nothing else decides: what modules and closures list. */
export function plainRoute(
  owner: string,
  id: string,
  method: string,
  path: string,
  target: Target,
): Route {
  return {
    id,
    owner,
    methods: listOf(method),
    paths: [path],
    target,
    selection: null,
    enabled: true,
    metadata: null,
    definition: null,
    revision: 0,
  }
}
