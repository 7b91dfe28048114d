import type { ChangeRequest } from '../../admin/answers.ts'
import { exitCodes } from '../commands.ts'
import type { ChangeOptions } from './commands.ts'
import { mergeParts, partsOf, placeIn, requestOf } from './parts.ts'
import { readInputs } from './read-inputs.ts'
import { report, type PlaceOf } from './reach.ts'

/** What `plan` and `publish` send. */
export interface ChangeSet {
  readonly body: ChangeRequest
  readonly placeOf: PlaceOf
}

/**
 * Reads and builds everything that the command names: one change set, one revision, all or nothing. Prints why there
 * is nothing to send, and gives the exit code.
 */
export async function readChangeSet(options: ChangeOptions): Promise<ChangeSet | number> {
  const { named, terminal, remove, basedOn } = options
  const read = await readInputs(named, terminal)
  if (!read.ok) {
    for (const one of read.problems) report(options, one)
    return read.isUsage === true ? exitCodes.usage : exitCodes.failed
  }
  const parts = mergeParts([read.parts, partsOf({ remove })])
  const body = requestOf(parts, basedOn)
  const removals = remove.map(({ kind, name }) => `remove ${kind}:${name}`)
  const reason = [...named, ...removals].join(', ').slice(0, 1_000)
  return {
    body: { reason, ...body },
    placeOf: (pointer) => placeIn(parts, pointer),
  }
}
