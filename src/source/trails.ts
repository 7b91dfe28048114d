import { lstat, readlink } from 'node:fs/promises'
import { dirname, join, parse, resolve, sep } from 'node:path'
import { inChunks, realPathOf } from './fingerprint.ts'

type Step = 'missing' | 'present' | { readonly leadsTo: string }

/** What one survey has found; a step that many ways share is taken once. */
interface Round {
  readonly folders: Set<string>
  readonly anchors: Set<string>
  readonly steps: Map<string, Promise<Step>>
}

// As many links as Linux follows before it calls them a loop.
const maxHops = 40

const stepAt = async (path: string): Promise<Step> => {
  try {
    if (!(await lstat(path)).isSymbolicLink()) return 'present'
    return { leadsTo: resolve(dirname(path), await readlink(path)) }
  } catch {
    return 'missing'
  }
}

const stepIn = (round: Round, path: string): Promise<Step> => {
  const known = round.steps.get(path)
  if (known !== undefined) return known
  const step = stepAt(path)
  round.steps.set(path, step)
  return step
}

const partsOf = (path: string): string[] =>
  path
    .slice(parse(path).root.length)
    .split(sep)
    .filter((part) => part !== '')

/**
 * The ways by which paths are reached through symbolic links, so that a switched link is noticed and understood.
 *
 *     /srv/current -> releases/41        a build read  /srv/releases/41/lib/db.ts
 *     /srv/current -> releases/42        its lasting name is  /srv/current/lib/db.ts
 *
 * A build reports real paths. Kept as they are they would never change again after the switch, while the new
 * release goes unseen. So every input is kept under its lasting name: through the link.
 */
export class Trails {
  #folders: ReadonlySet<string> = new Set()
  #anchors: ReadonlySet<string> = new Set()
  readonly #targets = new Map<string, string>()
  readonly #links = new Map<string, string>()

  /** Folders whose events matter. */
  get folders(): ReadonlySet<string> {
    return this.#folders
  }

  /** Paths whose events tell of other paths: links, what they lead to, and what lies above the folders. */
  get anchors(): ReadonlySet<string> {
    return this.#anchors
  }

  /** Follows the ways to these folders, and to these files that are links, as they are now. */
  async survey(folders: Iterable<string>, linkedFiles: Iterable<string>): Promise<void> {
    const round: Round = { folders: new Set(), anchors: new Set(), steps: new Map() }
    await inChunks(new Set(folders), (folder) => this.#follow(folder, round))
    await inChunks(linkedFiles, (path) => this.#followLink(path, round))
    this.#folders = round.folders
    this.#anchors = round.anchors
  }

  /** Follows one more file that is a link, so that `nameOf` is right about it now; tells whether a way is new. */
  async addLink(path: string): Promise<boolean> {
    const round: Round = { folders: new Set(), anchors: new Set(), steps: new Map() }
    await this.#followLink(path, round)
    const isKnown =
      [...round.folders].every((folder) => this.#folders.has(folder)) &&
      [...round.anchors].every((anchor) => this.#anchors.has(anchor))
    return !isKnown
  }

  /** The lasting name of a real path; `isStale` when the link has been switched since to somewhere else. */
  nameOf(path: string): { readonly name: string; readonly isStale: boolean } {
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      const link = this.#links.get(folder)
      if (link !== undefined) {
        const name = join(link, path.slice(folder.length))
        return { name, isStale: this.#targets.get(link) !== folder }
      }
      if (folder === dirname(folder)) return { name: path, isStale: false }
    }
  }

  async #follow(folder: string, round: Round): Promise<void> {
    if (round.folders.has(folder)) return
    round.folders.add(folder)
    let at = parse(folder).root
    let rest = partsOf(folder)
    let hops = 0
    while (rest.length > 0) {
      const next = join(at, rest[0] ?? '')
      rest = rest.slice(1)
      round.anchors.add(next)
      const step = await stepIn(round, next)
      if (step === 'missing') {
        round.folders.add(at)
        return
      }
      if (step === 'present') {
        at = next
        continue
      }
      round.folders.add(at)
      await this.#remember(next)
      hops += 1
      if (hops > maxHops) return
      at = parse(step.leadsTo).root
      rest = [...partsOf(step.leadsTo), ...rest]
    }
  }

  async #followLink(path: string, round: Round): Promise<void> {
    let at = path
    for (let hops = 0; hops < maxHops; hops += 1) {
      round.anchors.add(at)
      await this.#follow(dirname(at), round)
      const step = await stepIn(round, at)
      if (typeof step === 'string') break
      at = step.leadsTo
    }
    const real = await realPathOf(path)
    if (real === undefined) return
    round.anchors.add(real)
    await this.#follow(dirname(real), round)
  }

  async #remember(link: string): Promise<void> {
    const target = await realPathOf(link)
    if (target === undefined || target === link) return
    this.#targets.set(link, target)
    // Re-inserted, so that the oldest releases are the first to be forgotten.
    const first = this.#links.get(target)
    const name = first !== undefined && this.#targets.get(first) === target ? first : link
    this.#links.delete(target)
    this.#links.set(target, name)
    for (const oldest of this.#links.keys()) {
      if (this.#links.size <= 10_000) break
      this.#links.delete(oldest)
    }
  }
}
