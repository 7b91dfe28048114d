import { problem, type Problem } from '../core/errors.ts'
import type { Artifact } from './artifact.ts'
import { openChild, type RehearsalChild } from './rehearsal-child.ts'
import type { Inspector } from './rehearsal-messages.ts'

export interface RehearsalOptions {
  /** What looks at the exports, in the child: `(exports, context) => JSON-able data`, or a promise of it. */
  readonly inspector: Inspector
  /** Deadline of import and inspection together. Default 5,000. */
  readonly timeoutMs?: number
  /** How long an unused child is kept. Default 10,000. */
  readonly idleMs?: number
  /** `own` (default): this process's without its debugger. `empty`: nothing but what Node needs to start. */
  readonly environment?: 'own' | 'empty'
}

export type RehearseOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly problem: Problem }

/** Runs artifacts for the first time, where they can do no harm. */
export interface Rehearsal {
  /** `context` is JSON-able and handed to the inspector. At most two run at once; more wait their turn. */
  readonly rehearse: (
    artifact: Artifact,
    file: string,
    context: unknown,
  ) => Promise<RehearseOutcome>
  /** Has a child ready. Call it when a change is in the air: a start costs more than a rehearsal. */
  readonly warm: () => void
  /** Kills every child and waits until they are gone; rehearsals that run end as crashed. */
  readonly close: () => Promise<void>
}

const mostChildren = 2
const mostRehearsals = 100

/**
 * Opens a pool of child processes. A module's first run may loop, crash or exit; there it costs a
 * child and not what is being served. A child is used again only while it is as clean as it started.
 */
export function createRehearsal(options: RehearsalOptions): Rehearsal {
  const { inspector, timeoutMs = 5000, idleMs = 10_000, environment = 'own' } = options
  const children = new Set<RehearsalChild>()
  const idle: { readonly child: RehearsalChild; readonly timer: NodeJS.Timeout }[] = []
  const waiting: (() => void)[] = []
  let busy = 0
  let isClosed = false

  const discard = (child: RehearsalChild): Promise<void> => {
    const place = idle.findIndex((entry) => entry.child === child)
    if (place >= 0) for (const { timer } of idle.splice(place, 1)) clearTimeout(timer)
    child.kill()
    return child.ended.then(() => undefined)
  }

  const open = (): RehearsalChild => {
    const child = openChild(inspector, timeoutMs, environment)
    children.add(child)
    void child.ended.then(() => {
      children.delete(child)
      return discard(child)
    })
    return child
  }

  const rest = (child: RehearsalChild): void => {
    const timer = setTimeout(() => void discard(child), idleMs)
    timer.unref()
    idle.push({ child, timer })
  }

  const take = (): RehearsalChild => {
    // The one used last is the one whose code is hot.
    const entry = idle.pop()
    if (entry === undefined) return open()
    clearTimeout(entry.timer)
    return entry.child
  }

  const warm = (): void => {
    if (!isClosed && idle.length === 0 && children.size < mostChildren) rest(open())
  }

  const run = async (
    artifact: Artifact,
    file: string,
    context: unknown,
  ): Promise<RehearseOutcome> => {
    const child = take()
    const ended = await child.rehearse(artifact, file, context)
    if (ended.kind === 'done') {
      const isReusable = ended.isClean && child.rehearsals() < mostRehearsals && !isClosed
      if (isReusable) rest(child)
      else void discard(child).then(warm)
      return ended.outcome
    }
    void discard(child).then(warm)
    if (ended.kind === 'timeout') {
      return {
        ok: false,
        problem: problem('TURNOUT_MODULE_LOAD_TIMEOUT', { file, timeoutMs, reason: ended.reason }),
      }
    }
    const extra = ended.output === '' ? {} : { stack: ended.output }
    return {
      ok: false,
      problem: problem('TURNOUT_MODULE_CRASHED', { file, reason: ended.reason }, extra),
    }
  }

  return {
    rehearse: async (artifact, file, context) => {
      if (busy >= mostChildren) await new Promise<void>((turn) => waiting.push(turn))
      else busy += 1
      try {
        if (isClosed) {
          const reason = 'the rehearsal was closed'
          return { ok: false, problem: problem('TURNOUT_MODULE_CRASHED', { file, reason }) }
        }
        return await run(artifact, file, context)
      } finally {
        // A turn is handed on, so that nobody gets in between.
        const next = waiting.shift()
        if (next === undefined) busy -= 1
        else next()
      }
    },
    warm,
    close: async () => {
      isClosed = true
      await Promise.all([...children].map(discard))
    },
  }
}
