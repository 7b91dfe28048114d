import type { LogLevel } from '../core/logger.ts'
import type { Paint } from './colour.ts'

/** What a command writes to and reads from, so that tests need no process. */
export interface Terminal {
  /** Data: standard output. */
  readonly out: (text: string) => void
  /** Logs and errors: standard error. */
  readonly err: (text: string) => void
  /** Painter for `out`, and for `err`; plain where no colour is wanted. */
  readonly paintOut: Paint
  readonly paintErr: Paint
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly workingDirectory: string
  /** `out` is a terminal on which lines can be written anew. Not there: it is none. */
  readonly isTerminal?: boolean
  /** All of standard input. */
  readonly read: () => Promise<string>
}

/** What every command that reads a folder of route modules is given. */
export interface FolderOptions {
  readonly terminal: Terminal
  /** Absolute path of a folder that exists. */
  readonly directory: string
  /** What --config says, unread. */
  readonly config?: string
  /** One JSON object a line instead of text. */
  readonly json: boolean
}

/** `serve` and `dev`. What is absent comes from the config; what is here outranks it. */
export interface ServeOptions extends FolderOptions {
  readonly command: 'serve' | 'dev'
  /** From --host or HOST. */
  readonly host?: string
  /** From --port or PORT. */
  readonly port?: number
  readonly logLevel?: LogLevel
  readonly settleMs?: number
  /** From --workers: worker processes; 0: this process serves. */
  readonly workers?: number
  /** From --lane or TURNOUT_LANE. */
  readonly lane?: 'fast' | 'safe'
  /** From --no-probation and --probation. */
  readonly probation?: boolean
  /** From --admin or TURNOUT_ADMIN_LISTEN: where the admin API listens; null: nowhere. */
  readonly admin?: { readonly host: string; readonly port: number } | null
  /** From --health or TURNOUT_HEALTH_LISTEN: where probes are answered; null: nowhere. */
  readonly health?: { readonly host: string; readonly port: number } | null
  /** From --data, absolute. */
  readonly data?: string
}

/** `probe METHOD URL [dir]`. */
export interface ProbeOptions extends FolderOptions {
  /** In capitals. */
  readonly method: string
  /** A path or an absolute URL, as typed. */
  readonly url: string
}

/** Exit code of a command. */
export const exitCodes: {
  readonly ok: 0
  readonly failed: 1
  readonly usage: 2
  /** No running instance was reached. */
  readonly unreached: 3
  /** A drill has spent its error budget. */
  readonly spent: 4
  /** Told to end (Ctrl-C) while something that was followed goes on; what shells make of it, too. */
  readonly interrupted: 130
} = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreached: 3,
  spent: 4,
  interrupted: 130,
}

/** The commands that need a gateway, loaded when one of them is called; each gives an exit code. */
export interface Commands {
  serve(options: ServeOptions): Promise<number>
  routes(options: FolderOptions): Promise<number>
  check(options: FolderOptions): Promise<number>
  probe(options: ProbeOptions): Promise<number>
}
