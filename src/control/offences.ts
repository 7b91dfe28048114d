import type { Logger } from '../core/logger.ts'
import { diffMaps } from '../core/persistent-map.ts'
import type { Table } from '../core/route/table.ts'
import type { Offence, OffenceKind } from '../worker/containment/offence.ts'
import type { Outcome, Revision } from './change.ts'
import type { Who } from './control.ts'
import { thrownFields } from './rollout/thrown-fields.ts'

/** Offences of one module version, by kind. */
export interface OffenceTally {
  readonly version: string | null
  readonly digest: string
  readonly counts: Readonly<Partial<Record<OffenceKind, number>>>
  readonly last: Offence & { readonly at: string }
}

export interface OffencesOptions {
  readonly control: {
    takeBack(number: number, who: Who): Promise<Outcome>
    quarantine(digest: string, who: Who): void
  }
  /** How long a version is on probation after its apply; null: none is. */
  readonly probationMs: number | null
  readonly log: Logger
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** How a version came to serve, and what it did since. */
interface Brought {
  readonly module: string
  readonly version: string
  readonly revision: number
  readonly at: number
  harms: number
}

/** Versions that are remembered. */
const most = 1_000
/** So many are one too many. */
const mostHarms = 3

/** What costs others more than the exchange that it was done for; errors are judged by the rates that probation watches. */
const harmful: ReadonlySet<OffenceKind> = new Set<OffenceKind>(['loop', 'blocked', 'crashed'])

/** What takes a worker process along, which then cannot tell whose it was. */
const deadly: ReadonlySet<OffenceKind> = new Set<OffenceKind>(['blocked', 'crashed'])

/**
 * Counts what module versions do to the process. One that holds it up, or ends it, three times in its probation goes: the
 * revision that brought it is taken back, and its artifact is not tried again.
 */
export class Offences {
  readonly #options: OffencesOptions
  /** By digest, oldest first. */
  readonly #brought: Map<string, Brought>
  readonly #tallies: Map<string, OffenceTally>

  constructor(options: OffencesOptions) {
    this.#options = options
    this.#brought = new Map()
    this.#tallies = new Map()
  }

  /** In the turn of the apply. */
  applied({ number, takesBack, restores }: Revision, before: Table, after: Table): void {
    // Who goes back to a version does so by hand.
    if (takesBack !== null || restores !== null || before.modules === after.modules) return
    const at = this.#options.now()
    for (const [, from, to] of diffMaps(before.modules, after.modules)) {
      if (to === undefined || from?.digest === to.digest) continue
      const { name, version, digest } = to
      remember(this.#brought, digest, { module: name, version, revision: number, at, harms: 0 })
    }
  }

  /** Counts it; resolves when what follows from it is done. */
  async tell(offence: Offence): Promise<void> {
    const { digest, kind, count } = offence
    const now = this.#options.now()
    if (digest === null) {
      for (const suspect of this.#suspects(offence, now)) await this.tell(suspect)
      return
    }
    const { counts = {} } = this.#tallies.get(digest) ?? {}
    const last = { ...offence, at: new Date(now).toISOString() }
    remember(this.#tallies, digest, {
      version: offence.version,
      digest,
      counts: { ...counts, [kind]: (counts[kind] ?? 0) + count },
      last,
    })
    const { probationMs } = this.#options
    const brought = this.#brought.get(digest)
    if (!harmful.has(kind) || probationMs === null || brought === undefined) return
    if (now - brought.at > probationMs) return
    brought.harms += count
    if (brought.harms < mostHarms) return
    this.#brought.delete(digest)
    await this.#takeBack(digest, brought.revision, offence)
  }

  /** A process that ended tells nobody whose fault it was: who came last, and is on probation, is suspected. */
  #suspects(offence: Offence, now: number): readonly Offence[] {
    const { probationMs } = this.#options
    if (!deadly.has(offence.kind) || probationMs === null) return []
    const young = [...this.#brought].filter(([, { at }]) => now - at <= probationMs)
    const newest = Math.max(...young.map(([, { revision }]) => revision))
    return young
      .filter(([, { revision }]) => revision === newest)
      .map(([digest, { module, version }]) => ({ ...offence, module, version, digest }))
  }

  /** Of the versions of a module, those that are gone too; who did it last comes last. */
  of(module: string): readonly OffenceTally[] {
    return [...this.#tallies.values()].filter(({ last }) => last.module === module)
  }

  async #takeBack(digest: string, revision: number, offence: Offence): Promise<void> {
    const { control, log } = this.#options
    const { module, version, kind, detail } = offence
    const reason = `${module} ${version} did harm ${mostHarms} times in its probation; the last time: ${detail}`
    const fields = { module, module_version: version, digest, kind, revision }
    const who = { author: 'turnout', reason }
    control.quarantine(digest, who)
    log.error('a module version is quarantined', { ...fields, reason })
    try {
      const { rejections } = await control.takeBack(revision, who)
      const [problem] = rejections.flatMap(({ problems }) => problems)
      if (problem === undefined) return
      const { code, message } = problem
      log.error('a module version that does harm could not be taken back', {
        ...fields,
        code,
        reason: message,
      })
    } catch (error) {
      log.error('a module version that does harm could not be taken back', {
        ...fields,
        ...thrownFields(error),
      })
    }
  }
}

/** Puts it last; the first of too many goes. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > most) map.delete(map.keys().next().value!)
}
