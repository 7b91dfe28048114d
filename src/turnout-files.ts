import { TurnoutError, type ErrorCode } from './core/errors.ts'
import { entriesFrom } from './core/persistent-map.ts'
import type { ChangeItem, Outcome, Rejection } from './control/change.ts'
import type { Publisher } from './control/publisher.ts'
import { loadEntry, type EntryLoad } from './modules/load-entry.ts'
import type { FileLoad } from './modules/loader.ts'
import type { FilesSource } from './source/files.ts'
import type { Burst } from './source/ledger.ts'
import type { ModuleEntry } from './source/scan.ts'

export interface FolderOptions {
  /** What owners of this folder's modules begin with: two folders may have modules of one name. */
  readonly owner: string
  readonly publisher: Publisher
  readonly load: (
    file: string,
    name: string,
    owner: string,
    version: string | null,
  ) => Promise<FileLoad>
  readonly onRejected: (rejections: readonly Rejection[]) => void
}

/** Findings that go away without the module's own files being touched. */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'TURNOUT_ROUTE_CONFLICT',
  'TURNOUT_MODULE_NAME_TAKEN',
  'TURNOUT_SERVICE_FAILED',
  'TURNOUT_FILTER_USED',
  'TURNOUT_VERSIONS_HELD',
])

const author = 'files'
const storeRetryMs = 2_000

/**
 * Makes one change set of each burst of a folder's files. A module that was refused because of somebody else is
 * tried again with every later change, whoever makes it, and goes live when nothing stands in its way any more.
 */
export class FolderChanges {
  readonly #options: FolderOptions
  #source: FilesSource | null
  #files: ReadonlyMap<string, ModuleEntry>
  /** Modules to try again: their owner, and what was told of them. */
  readonly #refused: Map<string, string>
  /** Owners that are to go, once the store takes it or nobody needs them, and what was told of them. */
  readonly #removing: Map<string, string>
  #timer: NodeJS.Timeout | undefined
  #isChanging: boolean
  #hasLooked: boolean

  constructor(options: FolderOptions) {
    this.#options = options
    this.#source = null
    this.#files = new Map()
    this.#refused = new Map()
    this.#removing = new Map()
    this.#timer = undefined
    this.#isChanging = false
    this.#hasLooked = false
  }

  async start(source: FilesSource): Promise<void> {
    this.#source = source
    await source.start()
  }

  async close(): Promise<void> {
    const source = this.#source
    this.#source = null
    clearTimeout(this.#timer)
    await source?.close()
  }

  /** Looks at everything now. */
  async rescan(): Promise<void> {
    await this.#source?.rescan()
  }

  async take({ modules, added, changed, removed, problems }: Burst): Promise<void> {
    this.#files = new Map(modules.map((entry) => [entry.name, entry]))
    if (problems.length > 0) {
      this.#options.onRejected([
        { owner: this.#options.owner, label: 'files', serving: null, problems, digest: null },
      ])
    }
    const orphans = this.#orphans(problems.length > 0)
    for (const name of removed) this.#refused.delete(this.#ownerOf(name))
    for (const { name } of modules) this.#removing.delete(this.#ownerOf(name))
    await this.#change([...added, ...changed], [...removed, ...orphans])
  }

  /** Somebody else's change went live: what stood in the way may be gone. */
  async retry(): Promise<void> {
    const isWaiting = this.#refused.size > 0 || this.#removing.size > 0
    if (isWaiting && !this.#isChanging) await this.#change([], [])
  }

  async #change(touched: readonly string[], removed: readonly string[]): Promise<void> {
    if (this.#source === null) return
    const again = [...this.#files.keys()].filter(
      (name) => this.#refused.has(this.#ownerOf(name)) && !touched.includes(name),
    )
    const gone = new Set([...removed.map((name) => this.#ownerOf(name)), ...this.#removing.keys()])
    const items: ChangeItem[] = [
      ...[...touched, ...again].flatMap((name) => this.#itemOf(name)),
      ...[...gone].map((owner) => ({ kind: 'remove', owner }) as const),
    ]
    if (items.length === 0) return
    for (const name of touched) this.#refused.delete(this.#ownerOf(name))
    const told = new Map([...this.#refused, ...this.#removing])
    const reason = [...touched, ...removed, ...again].slice(0, 5).join(', ')
    this.#isChanging = true
    try {
      const set = { author, reason, isPartial: true, isProposal: true, items }
      const isKnown = (rejection: Rejection): boolean =>
        told.get(rejection.owner) === textOf(rejection)
      this.#remember(items, await this.#options.publisher.change({ ...set, isKnown }))
    } catch (error) {
      if (!(error instanceof TurnoutError) || error.code !== 'TURNOUT_STORE_FAILED') throw error
      this.#postpone(items, error)
    } finally {
      this.#isChanging = false
    }
  }

  /** Modules of an earlier process whose files are gone: looked for once, when the folder is known in full. */
  #orphans(isPartial: boolean): readonly string[] {
    if (this.#hasLooked || isPartial) return []
    this.#hasLooked = true
    const prefix = this.#ownerOf('')
    return [...entriesFrom(this.#options.publisher.table.proposals, prefix)].flatMap(
      ([owner, digest]) => {
        const name = owner.slice(prefix.length)
        return digest === '' || this.#files.has(name) ? [] : [name]
      },
    )
  }

  #ownerOf(name: string): string {
    return `${this.#options.owner}:${name}`
  }

  #itemOf(name: string): ChangeItem[] {
    const entry = this.#files.get(name)
    if (entry === undefined) return []
    const owner = this.#ownerOf(name)
    const load = async (): Promise<EntryLoad> => {
      const loaded = await loadEntry(entry, (file, version) =>
        this.#options.load(file, name, owner, version),
      )
      this.#source?.watchInputs(name, loaded.inputs)
      return loaded
    }
    return [{ kind: 'module', owner, label: name, load }]
  }

  /** The store may come back by itself: nothing that was saved is lost until then. */
  #postpone(items: readonly ChangeItem[], { code, message }: TurnoutError): void {
    const problems = [{ code, message }]
    for (const item of items) {
      const list = item.kind === 'remove' ? this.#removing : this.#refused
      list.set(item.owner, `${code} ${message}`)
    }
    this.#options.onRejected([
      { owner: this.#options.owner, label: 'files', serving: null, problems, digest: null },
    ])
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.retry().catch(() => undefined)
    }, storeRetryMs)
  }

  #remember(items: readonly ChangeItem[], { rejections }: Outcome): void {
    const refused = new Map(rejections.map((one) => [one.owner, one]))
    for (const { kind, owner } of items) {
      this.#refused.delete(owner)
      this.#removing.delete(owner)
      const rejection = refused.get(owner)
      if (rejection?.problems.every(({ code }) => passing.has(code)) !== true) continue
      const list = kind === 'remove' ? this.#removing : this.#refused
      list.set(owner, textOf(rejection))
    }
  }
}

const textOf = ({ problems }: Rejection): string =>
  problems.map(({ code, message }) => `${code} ${message}`).join('\n')
