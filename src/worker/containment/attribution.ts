import { AsyncLocalStorage } from 'node:async_hooks'
import { pathToFileURL } from 'node:url'
import type { Exchange } from '../../gateway/exchange.ts'
import type { Handler, LiveFilter } from '../../gateway/snapshot.ts'
import type { ModuleVersion } from '../../modules/module-version.ts'
import { cell, type Named } from './marker.ts'

/** Whose code runs, and for which exchange. */
export interface Owner {
  readonly version: ModuleVersion
  readonly exchange: Exchange | null
}

interface Marked extends Owner {
  readonly number: number
}

export interface AttributionOptions {
  readonly cells: Int32Array
  /** A version has a number from now on; null: no longer. */
  readonly onNumber: (number: number, named: Named | null) => void
}

/** How long exchanges are followed through their timers and promises, once it was missed that they were not. */
const trackedMs = 60_000

/** From Node 24 on it costs next to nothing to follow exchanges; before, up to a fourth of what an exchange costs. */
const isTrackingCheap = Number(process.versions.node.split('.')[0]) >= 24

/**
 * Knows whose code runs. Of what runs without a break since a handler was called, a marker tells it; of what comes later,
 * the names of scripts in its stack do, though not for which exchange. Where that is asked for in vain, exchanges are followed
 * for a while. Open/close.
 */
export class Attribution {
  readonly #options: AttributionOptions
  readonly #numbers: Map<ModuleVersion, number>
  readonly #storage: AsyncLocalStorage<Owner>
  #last: number
  #marked: Marked | null
  #isTracking: boolean
  #timer: NodeJS.Timeout | null

  constructor(options: AttributionOptions) {
    this.#options = options
    this.#numbers = new Map()
    this.#storage = new AsyncLocalStorage()
    this.#last = 0
    this.#marked = null
    this.#isTracking = isTrackingCheap
    this.#timer = null
  }

  enter(version: ModuleVersion): void {
    this.#last += 1
    this.#numbers.set(version, this.#last)
    const { name, version: text, digest } = version
    this.#options.onNumber(this.#last, { module: name, version: text, digest })
  }

  leave(version: ModuleVersion): void {
    const number = this.#numbers.get(version)
    if (number === undefined) return
    this.#numbers.delete(version)
    this.#options.onNumber(number, null)
  }

  handler(version: ModuleVersion, handler: Handler): Handler {
    const number = this.#numberOf(version)
    return (exchange) => {
      const marked = { version, exchange, number }
      const before = this.#begin(marked)
      try {
        return this.#isTracking ? this.#storage.run(marked, handler, exchange) : handler(exchange)
      } finally {
        this.#end(before)
      }
    }
  }

  filter(version: ModuleVersion, filter: LiveFilter): LiveFilter {
    const number = this.#numberOf(version)
    return (exchange, next, args) => {
      const marked = { version, exchange, number }
      const before = this.#begin(marked)
      try {
        return this.#isTracking
          ? this.#storage.run(marked, filter, exchange, next, args)
          : filter(exchange, next, args)
      } finally {
        this.#end(before)
      }
    }
  }

  call(version: ModuleVersion, callback: () => unknown): unknown {
    const before = this.#begin({ version, exchange: null, number: this.#numberOf(version) })
    try {
      return callback()
    } finally {
      this.#end(before)
    }
  }

  /** Who runs just now, as far as marker and tracking know. */
  current(): Owner | null {
    return this.#marked ?? this.#storage.getStore() ?? null
  }

  /** The marker, of what was broken off before it could be taken away. */
  take(): Owner | null {
    const marked = this.#marked
    this.#end(null)
    return marked
  }

  /** Whose code a script is, or a number of the marker. The name of a script says the file and how its digest begins. */
  find(script: string | null, number: number = 0): ModuleVersion | null {
    let found: ModuleVersion | null = null
    for (const [version, own] of this.#numbers) {
      if (own === number) found ??= version
      if (script === null || !script.endsWith(`?${version.digest.slice(0, 12)}`)) continue
      const { file } = version
      // Of several the one of that file, and the newest; a link to the file has another name.
      if (file !== null && script.startsWith(scriptStart(file))) found = version
      else found ??= version
    }
    return found
  }

  /** It could not be told for which exchange something was done: for some time it can. */
  missed(): void {
    if (isTrackingCheap) return
    this.#isTracking = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.close(), trackedMs)
    this.#timer.unref()
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#isTracking = isTrackingCheap
    this.#storage.disable()
  }

  #numberOf(version: ModuleVersion): number {
    return this.#numbers.get(version) ?? 0
  }

  #begin(marked: Marked): Marked | null {
    const before = this.#marked
    this.#marked = marked
    this.#options.cells[cell.running] = marked.number
    return before
  }

  #end(before: Marked | null): void {
    this.#marked = before
    this.#options.cells[cell.running] = before === null ? 0 : before.number
  }
}

const scriptStart = (file: string): string =>
  `${pathToFileURL(file).href.replace(/^file:/, 'turnout:')}?`
