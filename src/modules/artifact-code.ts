import { TurnoutError } from '../core/errors.ts'
import { moduleNameOf, type ModuleReference } from '../core/route/route.ts'
import { codeKey, type ModuleCode } from '../worker/worker.ts'
import type { Artifact } from './artifact.ts'
import { readDefinition, type Mount } from './definition.ts'
import { evaluate } from './evaluate.ts'

const plainMount: Mount = { prefix: '', middleware: [] }

export const mountOf = (prefix: string): Mount =>
  prefix === '' ? plainMount : { prefix, middleware: [] }

/** What the code of an artifact is called and where it stands. */
export interface CodePlace {
  readonly file: string
  readonly name: string
  readonly mount: Mount
  readonly version: string
}

/** The code of an artifact: each `open` evaluates it anew, within milliseconds of the deadline. */
export function codeFrom(
  artifact: Artifact,
  key: string,
  { file, name, mount, version }: CodePlace,
  timeoutMs: number,
): ModuleCode {
  const source = { artifact, file, name, prefix: mount.prefix }
  return {
    key,
    // Middleware is of this process.
    ...(mount.middleware.length === 0 && { source }),
    open: async (trace) => {
      const evaluated = await evaluate(artifact, { file, timeoutMs, trace: trace ?? null })
      if (!evaluated.ok) throw TurnoutError.of(evaluated.problem)
      return readDefinition(evaluated.exports['default'], name, mount, version)
    },
  }
}

/** The code that a table names; null: its artifact is gone or damaged. */
export async function codeOf(
  reference: ModuleReference,
  read: (digest: string) => Promise<Artifact | null>,
  timeoutMs: number,
): Promise<ModuleCode | null> {
  // A prefix may have a plus sign of its own.
  const [, digest = '', prefix = ''] = /^([^+]*)\+?(.*)$/s.exec(reference.digest) ?? []
  const artifact = await read(digest)
  if (artifact === null) return null
  const { file, version } = reference
  const name = moduleNameOf(reference)
  const place = { file: file ?? name, name, mount: mountOf(prefix), version }
  return codeFrom(artifact, codeKey(reference), place, timeoutMs)
}
