import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What a load does next. All phases of a load have the same clients. */
export interface Phase {
  readonly port: number
  /** Asked in turn. */
  readonly paths: readonly string[]
  /** Clients that keep their connection, and clients that open a new one for each request. */
  readonly kept: number
  readonly fresh: number
  /** Null: as many as are answered. */
  readonly perSecond: number | null
  readonly durationMs: number
  /** Takes a whole core and asks when it is due; else it looks once in a millisecond for what is. */
  readonly isSpinning?: boolean
  /** Tells when each content was seen. */
  readonly isFollowed?: boolean
}

/** Milliseconds. */
export interface Times {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** When answers with one content came, in milliseconds of `monotonicMs`. */
export interface Seen {
  readonly firstAt: number
  lastAt: number
}

export interface PhaseReport {
  readonly requests: number
  readonly answered: number
  /** Every request without a whole answer of 200 to 299. Their times are in none of those below. */
  readonly failed: number
  /** Kept connections that the server ended, and how many of them it had announced in an answer. */
  readonly dropped: number
  readonly announced: number
  readonly faults: readonly (readonly [what: string, count: number])[]
  readonly perSecond: number
  /** From when a request was due, from when it was sent, and between the two. */
  readonly sinceDue: Times
  readonly sinceSent: Times
  readonly late: Times
  /** Since due, without all that was due or under way while the load itself did not have its core; of one that spins. */
  readonly undisturbed: Times
  readonly contents: readonly (readonly [body: string, seen: Seen])[]
}

/** A load in a process of its own. Ends with `stop`. */
export interface SteadyLoad {
  readonly pid: number
  readonly run: (phase: Phase) => Promise<PhaseReport>
  readonly stop: () => void
}

/** On a core, where one is named; else it has that of its parent. */
export function startSteadyLoad(cpu?: number): SteadyLoad {
  const script = fileURLToPath(new URL('./steady-process.js', import.meta.url))
  const words = [process.execPath, script]
  const command = cpu === undefined ? words : ['taskset', '-c', String(cpu), ...words]
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
  const child = spawn(command[0]!, command.slice(1), { stdio: [...stdio] })
  const kill = (): boolean => child.kill()
  process.on('exit', kill)
  return {
    pid: child.pid!,
    run: (phase) =>
      new Promise((resolve, reject) => {
        const onEnd = (): void => reject(new Error('the load ended'))
        child.once('exit', onEnd)
        child.once('message', (report) => {
          child.off('exit', onEnd)
          resolve(report as PhaseReport)
        })
        child.send(phase)
      }),
    stop: () => {
      process.off('exit', kill)
      kill()
    },
  }
}
