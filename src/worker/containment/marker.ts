/** Places in the memory that the serving thread shares with its watchdog. */
export const cell = {
  /** Goes up as long as the serving thread comes around to it. */
  beat: 0,
  /** Number of the version whose code runs, as far as it runs without a break; 0: nobody's. */
  running: 1,
  /** 1: somebody looks at the process with a debugger, and may have stopped it. */
  debugged: 2,
} as const

const cells = Object.keys(cell).length

export const sharedCells = (): Int32Array =>
  new Int32Array(new SharedArrayBuffer(cells * Int32Array.BYTES_PER_ELEMENT))

/** Whose code it is, for a thread that shares no objects. */
export interface Named {
  readonly module: string
  readonly version: string
  readonly digest: string
}

export interface WatchdogSettings {
  readonly cells: Int32Array
  readonly thresholdMs: number
  readonly blockedMs: number
  readonly reportFd: number | null
  /** The process goes when this one is no longer its parent; null: it stays. */
  readonly parent: number | null
  /** Where the files of this program are: their frames are not a module's. */
  readonly ownFiles: string
}

/** To the watchdog: a number of the marker and what it stands for; null: for nothing any more. */
export interface Numbered {
  readonly number: number
  readonly named: Named | null
}

/** From the watchdog. */
export type Finding =
  /** It was broken off. `script`: of the topmost frame that a module has. */
  | { readonly kind: 'broken'; readonly script: string | null; readonly ms: number }
  /** It went on by itself. */
  | {
      readonly kind: 'blocked'
      readonly script: string | null
      readonly number: number
      readonly ms: number
    }
  /** Nobody's code but our own was seen. */
  | { readonly kind: 'busy'; readonly ms: number }

/** Under this name the watchdog finds, in the serving thread, what to call before it breaks something off. */
export const hookName = 'turnout.containment'
