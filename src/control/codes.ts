import { problem, type Problem } from '../core/errors.ts'
import { entriesFrom } from '../core/persistent-map.ts'
import type { ModuleReference } from '../core/route/route.ts'
import { emptyTable, type Table } from '../core/route/table.ts'
import { codeKey, type ModuleCode, type Worker } from '../worker/worker.ts'
import type { Rejection } from './change.ts'
import { requestOf } from './diff.ts'

/** Finds the code of a module that an earlier process built; null: it is gone or damaged. */
export type CodeOf = (reference: ModuleReference) => Promise<ModuleCode | null>

/** Which code the worker knows: what was built here, and what a table of an earlier process names. */
export class Codes {
  readonly #worker: Worker
  readonly #codeOf: CodeOf
  /** Digests by key: names and prefixes may have an at sign of their own. */
  readonly #known: Map<string, string>

  constructor(worker: Worker, codeOf: CodeOf = () => Promise.resolve(null)) {
    this.#worker = worker
    this.#codeOf = codeOf
    this.#known = new Map()
  }

  learn({ digest }: ModuleReference, code: ModuleCode): void {
    this.#known.set(code.key, digest)
    this.#worker.learn(code)
  }

  /** Makes the code of modules known; those whose code is gone, with the problem, by name. */
  async find(
    references: readonly ModuleReference[],
  ): Promise<ReadonlyMap<string, readonly Problem[]>> {
    const missing = new Map<string, readonly Problem[]>()
    await Promise.all(
      references.map(async (reference) => {
        if (this.#known.has(codeKey(reference))) return
        const code = await this.#codeOf(reference)
        if (code !== null) return this.learn(reference, code)
        const { name, digest } = reference
        missing.set(name, [problem('TURNOUT_ARTIFACT_MISSING', { module: name, digest })])
      }),
    )
    return missing
  }

  /** Makes every module of a table ready to serve; those that cannot be, as rejections. */
  async prepareAll(table: Table): Promise<readonly Rejection[]> {
    const references = [...entriesFrom(table.modules)].map(([, reference]) => reference)
    const failed = new Map(await this.find(references))
    const found = references.filter(({ name }) => !failed.has(name))
    const requests = found.map((reference) => requestOf(emptyTable, table, reference))
    const prepared = await this.#worker.prepare(requests)
    if (!prepared.ok) for (const [name, problems] of prepared.problems) failed.set(name, problems)
    return references.flatMap(({ name, owner, digest }) => {
      const problems = failed.get(name)
      return problems === undefined ? [] : [{ owner, label: name, serving: null, problems, digest }]
    })
  }

  /** Drops the code that nothing names any more. */
  keepOnly(digests: ReadonlySet<string>): void {
    for (const [key, digest] of this.#known) {
      if (digests.has(digest)) continue
      this.#known.delete(key)
      this.#worker.forget(key)
    }
  }
}
