/** What holds a module version that should be gone. */
export type HolderKind =
  | 'timer'
  | 'socket'
  | 'server'
  | 'process'
  | 'handle'
  | 'listener'
  | 'global'
  | 'reference'

export interface Holder {
  readonly kind: HolderKind
  /** `setInterval`, `globalThis.cache`, `service bus.handlers[0]`. */
  readonly what: string
  /** `/srv/routes/users.ts:12:3`, as the author wrote it; null: not known. */
  readonly at: string | null
  /** ISO 8601: taken then; null: not known. */
  readonly since: string | null
  /** So many of the same kind, from the same line. */
  readonly count: number
}

/**
 * `unknown`: there was no collection yet that could have shown it. `leaked`: something holds it, or it outlived collections.
 */
export type RetiredState = 'leaked' | 'unknown' | 'collected'

/** A module version that was disposed of, until some time after it was collected. */
export interface RetiredFacts {
  readonly module: string
  readonly version: string
  readonly digest: string
  readonly state: RetiredState
  /** ISO 8601. */
  readonly disposedAt: string
  /** Major collections since then. */
  readonly collections: number
  readonly holders: readonly Holder[]
  readonly reason: string | null
}

/** A version that should be gone and is not. */
export type Leak = Pick<
  RetiredFacts,
  'module' | 'version' | 'digest' | 'disposedAt' | 'collections' | 'holders'
> & { readonly reason: string }

export const mostHolders = 20
export const mostRetired = 20

const advice: Readonly<Record<HolderKind, string>> = {
  timer: 'a timer outlived the module: use scope.setTimeout or scope.setInterval',
  socket: 'a socket is still open: close it in scope.onDispose',
  server: 'a server still listens: close it in scope.onDispose',
  process: 'a child process still runs: end it in scope.onDispose',
  handle: 'a handle is still open: close it in scope.onDispose',
  listener: 'a listener was not removed: use scope.on',
  global: 'globalThis refers to the module: delete the property in scope.onDispose',
  reference: 'others keep a function of the module: take it back in scope.onDispose',
}

/** The likeliest reasons, in words. */
export function reasonOf(holders: readonly Holder[], collections: number): string {
  const kinds = [...new Set(holders.map(({ kind }) => kind))]
  if (kinds.length === 0)
    return `it was not collected after ${collections} major collections, and nothing was found that holds it: a pending promise, or a package that keeps one of its functions`
  return kinds.map((kind) => advice[kind]).join('; ')
}

const keyOf = ({ kind, what, at }: Holder): string =>
  `${kind} ${at ?? ''} ${at === null ? what : ''}`

/** Those of one kind and one line as one, the oldest instant with them; bounded. */
export function addHolders(all: readonly Holder[]): readonly Holder[] {
  const found = new Map<string, Holder>()
  for (const one of all) {
    const key = keyOf(one)
    const known = found.get(key)
    if (known === undefined) {
      if (found.size < mostHolders) found.set(key, one)
      continue
    }
    const [since = null] = [known.since, one.since].filter((at) => at !== null).sort()
    found.set(key, { ...known, since, count: known.count + one.count })
  }
  return [...found.values()]
}

const states: readonly RetiredState[] = ['leaked', 'unknown', 'collected']

/** What several workers say of one version, as one: of states the worst, of collections the fewest. */
export function mergeRetired(all: readonly RetiredFacts[]): readonly RetiredFacts[] {
  const found = new Map<string, RetiredFacts>()
  for (const one of all) {
    const key = `${one.module} ${one.version} ${one.digest}`
    const known = found.get(key)
    if (known === undefined) {
      found.set(key, one)
      continue
    }
    found.set(key, {
      ...known,
      state: states.find((state) => known.state === state || one.state === state)!,
      disposedAt: known.disposedAt < one.disposedAt ? known.disposedAt : one.disposedAt,
      collections: Math.min(known.collections, one.collections),
      holders: addHolders([...known.holders, ...one.holders]),
      reason: known.reason ?? one.reason,
    })
  }
  return [...found.values()].slice(-mostRetired)
}
