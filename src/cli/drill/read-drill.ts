import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { readData } from '../../config/read-data.ts'
import { findOffset, placeAt } from '../../config/source.ts'
import { problem, type Problem } from '../../core/errors.ts'
import { thrownMessage } from '../../core/thrown.ts'
import type { Terminal } from '../commands.ts'
import type { Drill } from './drill.ts'
import { parseDrill } from './parse-drill.ts'

/** A finding with the place in the file that its pointer names. */
export type Placed = (found: Problem) => Problem

export type DrillFile =
  | { readonly ok: true; readonly drill: Drill; readonly placed: Placed }
  /** `isUsage`: there is no such file. */
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly isUsage: boolean }

const largest = 1024 * 1024

/** Reads a drill file, JSON or YAML; `-` is standard input. */
export async function readDrill(
  named: string,
  terminal: Terminal,
  now: number,
): Promise<DrillFile> {
  const file = named === '-' ? 'standard input' : named
  const refuse = (reason: string, isUsage = false): DrillFile => ({
    ok: false,
    isUsage,
    problems: [problem('TURNOUT_DRILL_INVALID', { file, reason })],
  })
  let text: string
  try {
    if (named === '-') text = await terminal.read()
    else {
      const path = resolve(terminal.workingDirectory, named)
      if ((await stat(path)).size > largest) return refuse(`it is larger than ${largest} bytes`)
      text = await readFile(path, 'utf8')
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? refuse('it is not there', true) : refuse(thrownMessage(error))
  }
  const read = readData(file, text, 'TURNOUT_DRILL_INVALID')
  if (!read.ok) return { ...read, isUsage: false }
  const placed: Placed = (found) =>
    found.pointer === undefined
      ? found
      : { ...found, place: placeAt(file, text, findOffset(read.locate, found.pointer)) }
  const { drill, problems } = parseDrill(read.value, now)
  if (drill !== null) return { ok: true, drill, placed }
  return {
    ok: false,
    isUsage: false,
    problems: problems.map(({ message, pointer = '' }) => {
      const reason = message.replace(/^The definition is not valid: /, '')
      return placed(problem('TURNOUT_DRILL_INVALID', { file, reason }, { pointer }))
    }),
  }
}
