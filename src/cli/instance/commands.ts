import type { Terminal } from '../commands.ts'

/** What every command that asks a running instance is given. */
export interface InstanceOptions {
  readonly terminal: Terminal
  /** One JSON object a line instead of text. */
  readonly json: boolean
  /** What --admin says. */
  readonly admin?: string
  /** What --data says. */
  readonly data?: string
  /** Files and folders that the command names; a data folder may lie beside one. */
  readonly named: readonly string[]
}

/** Asks a folder instead; null: the instance was named, so nothing else will do. */
export type Fallback = (() => Promise<number>) | null

/** `routes` without a folder. */
export interface ListOptions extends InstanceOptions {
  readonly fallback: Fallback
}

/** `probe METHOD URL` without a folder. */
export interface AskOptions extends ListOptions {
  /** In capitals. */
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Address of the client. */
  readonly from?: string
}

/** What is removed: `route:ID`, `upstream:NAME`, `module:NAME`. */
export interface Removal {
  readonly kind: 'route' | 'upstream' | 'module'
  readonly name: string
}

/** `plan` and `publish`. */
export interface ChangeOptions extends InstanceOptions {
  readonly remove: readonly Removal[]
  readonly basedOn?: number
}

export interface PublishOptions extends ChangeOptions {
  readonly reason?: string
  readonly force: boolean
  /** `5m` */
  readonly confirmWithin?: string
  readonly wait?: 'applied'
}

export interface ReasonOptions extends InstanceOptions {
  readonly reason?: string
}

/** What `rollout start` names: a version that is there or a file of code, a file of a route, or of an upstream. */
export interface StartSubject {
  readonly kind: 'version-or-code' | 'route' | 'upstream'
  /** As named; `-` is standard input. */
  readonly text: string
}

export interface RolloutStartOptions extends ReasonOptions {
  readonly subject: StartSubject
  /** File of the plan; by default the instance's own plan. */
  readonly planFile?: string
  readonly follow: boolean
}

/** How a rollout is moved by hand. */
export type RolloutMove = 'pause' | 'resume' | 'promote' | 'abort'

/** `drill FILE`. */
export interface DrillOptions extends InstanceOptions {
  /** As named; `-` is standard input. */
  readonly file: string
  /** Origin of the data port; by default what the instance says. */
  readonly url?: string
  /** Where the report is written. */
  readonly reportFile?: string
}

/** The commands that ask a running instance, loaded when one of them is called; each gives an exit code. */
export interface InstanceCommands {
  routes(options: ListOptions): Promise<number>
  probe(options: AskOptions): Promise<number>
  plan(options: ChangeOptions): Promise<number>
  publish(options: PublishOptions): Promise<number>
  history(options: InstanceOptions & { readonly limit: number }): Promise<number>
  diff(options: InstanceOptions & { readonly from: number; readonly to: number }): Promise<number>
  restart(options: ReasonOptions): Promise<number>
  /** `revision` null: the one before the current. */
  rollback(options: ReasonOptions & { readonly revision: number | null }): Promise<number>
  confirm(options: ReasonOptions & { readonly revision: number }): Promise<number>
  status(options: InstanceOptions): Promise<number>
  /** `name` null: all of them. */
  upstreams(options: InstanceOptions & { readonly name: string | null }): Promise<number>
  /** `enable` and `disable`. */
  switchRoutes(
    options: ReasonOptions & { readonly routes: readonly string[]; readonly enabled: boolean },
  ): Promise<number>
  drill(options: DrillOptions): Promise<number>
  versions(options: InstanceOptions): Promise<number>
  startRollout(options: RolloutStartOptions): Promise<number>
  /** `id` null: those under way. */
  rolloutStatus(
    options: InstanceOptions & { readonly id: string | null; readonly follow: boolean },
  ): Promise<number>
  rolloutList(options: InstanceOptions): Promise<number>
  moveRollout(
    options: ReasonOptions & { readonly id: string; readonly move: RolloutMove },
  ): Promise<number>
}
