import type { HolderKind } from '../../core/leak.ts'
import { handleText } from './handles.ts'
import type { Root } from './search.ts'

/** What was there before any module. */
const usualGlobals: ReadonlySet<PropertyKey> = new Set(Reflect.ownKeys(globalThis))

const mostHandles = 2_000

interface Emitter {
  readonly _events?: unknown
}

interface ActiveHandle extends Emitter {
  /** The server that accepted it. */
  readonly _server?: unknown
  readonly constructor?: { readonly name?: string }
}

const isSocket = /Socket$/
const kindOf = (handle: ActiveHandle): HolderKind => {
  const name = handle.constructor?.name ?? ''
  if (name.endsWith('Server')) return 'server'
  if (name === 'ChildProcess') return 'process'
  return isSocket.test(name) ? 'socket' : 'handle'
}

/** Names of globals that were not there at the start. */
export const newGlobals = (): readonly string[] =>
  Object.keys(globalThis).filter((key) => !usualGlobals.has(key))

/**
 * What lives as long as the process, and so keeps whatever it refers to: globals, listeners of the process, open handles,
 * services, packages. `known`: handles of which it is known who took them.
 */
export function rootsOf(
  services: Readonly<Record<string, unknown>>,
  packages: ReadonlyMap<string, object>,
  known: ReadonlySet<object>,
): readonly Root[] {
  return [
    { kind: 'listener', name: 'process', value: listenersOnly(process as Emitter), depth: 2 },
    ...Reflect.ownKeys(globalThis).map((key) => global(key)),
    ...Object.entries(services).map(([name, value]): Root => ({
      kind: 'reference',
      name: `service ${name}`,
      value,
      depth: 6,
    })),
    ...[...packages].map(([name, value]): Root => ({
      kind: 'reference',
      name: `package ${name}`,
      value,
      depth: 5,
    })),
    ...handles(known),
  ]
}

const listenersOnly = ({ _events }: Emitter): object => ({ _events })

/** Of what is Node's own only whether it was replaced. */
function global(key: PropertyKey): Root {
  const value: unknown = Reflect.getOwnPropertyDescriptor(globalThis, key)?.value
  const isUsual = usualGlobals.has(key)
  const isOpaque = isUsual && typeof value !== 'function'
  return {
    kind: 'global',
    name: `globalThis.${String(key)}`,
    value: isOpaque ? undefined : value,
    depth: isUsual ? 0 : 5,
  }
}

function handles(known: ReadonlySet<object>): readonly Root[] {
  const node = process as unknown as { readonly _getActiveHandles?: () => readonly ActiveHandle[] }
  const all = node._getActiveHandles?.() ?? []
  // What a server accepted is told as the server.
  const meant = all.filter((handle) => handle._server == null && !known.has(handle))
  return meant.slice(0, mostHandles).map((handle) => {
    const kind = kindOf(handle)
    const name =
      kind === 'handle' ? (handle.constructor?.name ?? 'handle') : handleText({ handle, kind })
    return { kind, name, value: listenersOnly(handle), depth: 2 }
  })
}
