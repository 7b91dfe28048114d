import type { Artifact } from './artifact.ts'
import { OwnTimers, type PendingTimer, type TimerName } from './own-timers.ts'

/** What is known of a load for as long as its code may live. It keeps none of the code's objects alive once it was let go. */
export class Trace {
  /** As V8 calls it; empty before it was compiled. */
  script: string
  /** What was compiled: to search it for the text of a function. */
  text: string
  readonly loadedAt: number
  /** Set by the garbage collector. */
  readonly light: { isFreed: boolean }
  /** The function around all of the module's code: it tells which script is which. Not in the scope of anything in it. */
  code: unknown
  /** Namespaces of the packages that it imports, by specifier. */
  packages: ReadonlyMap<string, object>
  readonly #onDisposed: (trace: Trace, disposed: Disposed) => void
  #timers: OwnTimers | null
  #weakTimers: WeakRef<OwnTimers> | null
  #isDisposed: boolean

  constructor(onDisposed: (trace: Trace, disposed: Disposed) => void) {
    this.script = ''
    this.text = ''
    this.loadedAt = Date.now()
    this.light = { isFreed: false }
    this.code = null
    this.packages = new Map()
    this.#onDisposed = onDisposed
    this.#timers = new OwnTimers()
    this.#weakTimers = null
    this.#isDisposed = false
  }

  /** What its code gets in place of Node's own; nothing once the load was given up. */
  get given(): Readonly<Partial<Record<TimerName, (...args: unknown[]) => unknown>>> {
    return this.#timers?.given ?? {}
  }

  /** The same for what it imports. */
  binding(specifier: string, imported: string, value: unknown): unknown {
    if (specifier !== 'node:timers' && specifier !== 'timers') return value
    return Object.hasOwn(this.given, imported) ? this.given[imported as TimerName] : value
  }

  compiled(script: string, { script: text }: Artifact, code: unknown): void {
    this.script = script
    this.text = text
    this.code = code
  }

  /** All that the module took through its scope was given back. Once. */
  dispose(disposed: Disposed): void {
    if (this.#isDisposed) return
    this.#isDisposed = true
    this.#onDisposed(this, disposed)
  }

  /** Clears the timers that are left. From then on they are held only by who holds the module. */
  clearTimers(): readonly PendingTimer[] {
    const timers = this.#timers ?? this.#weakTimers?.deref()
    this.#timers = null
    if (timers !== undefined) this.#weakTimers ??= new WeakRef(timers)
    return timers?.clear() ?? []
  }
}

/** Whose code it is. */
export interface Whose {
  readonly module: string
  readonly version: string
  readonly digest: string
}

/** What was disposed of. */
export interface Disposed extends Whose {
  /** Not one that was only tried. */
  readonly hasServed: boolean
}
