import { readFile, stat, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { stringify } from 'yaml'
import { readDocuments } from '../../config/read-data.ts'
import { placeAt, type Locate } from '../../config/source.ts'
import { problem, type Problem } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { parseUpstream, renderRoute, renderUpstream } from '../../core/route/parse.ts'
import { importRoutes } from '../../core/route/spring-import.ts'
import { thrownMessage } from '../../core/thrown.ts'
import { exitCodes, type Terminal } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import { printProblem, printWarning } from '../print-problem.ts'
import { readApplication, type Found } from './application.ts'
import { readDump } from './dump.ts'
import { fromEnvironment } from './placeholders.ts'

export interface ImportOptions {
  readonly terminal: Terminal
  /** As it is named; `-` is standard input. */
  readonly file: string
  /** Where the table is written; not there: standard output. */
  readonly out?: string
  readonly json: boolean
  readonly profiles: readonly string[]
  /** Placeholders are filled in from the environment. */
  readonly isFilling: boolean
  /** Endpoints of services that are named by `lb://`. */
  readonly services: Readonly<Record<string, readonly string[]>>
}

/** A table for `turnout publish`, and what could not be carried, each with its place. */
export interface Imported {
  readonly table: { readonly routes: readonly Json[]; readonly upstreams: readonly Json[] }
  readonly left: readonly Problem[]
  readonly notes: readonly Problem[]
}

const largest = 16 * 1024 * 1024

/** Translates a text; problems where it is none that can be imported. */
export function importText(
  file: string,
  text: string,
  { terminal, profiles, isFilling, services }: ImportOptions,
): Imported | { readonly problems: readonly Problem[] } {
  const read = readDocuments(file, text, 'TURNOUT_IMPORT_FILE')
  if (!read.ok) return read
  const { documents } = read
  const [first] = documents
  const isDump = documents.length === 1 && Array.isArray(first?.value)
  const found: Found = isDump
    ? readDump(first.value as readonly unknown[])
    : readApplication(
        documents.map(({ value }) => value),
        { profiles, environment: isFilling ? fromEnvironment(terminal.environment) : null },
      )
  const upstreams = Object.entries(services).map(([name, endpoints]) =>
    parseUpstream({ name, endpoints }, { owner: 'import', pointer: '' }),
  )
  const wrong = upstreams.flatMap(({ problems }) => problems ?? [])
  if (wrong.length > 0) return { problems: wrong }
  const translated = importRoutes(found.routes, new Set(Object.keys(services)))
  const left = [...found.left, ...translated.left]
  if (translated.routes.length + left.length === 0)
    return {
      problems: [problem('TURNOUT_IMPORT_FILE', { file, reason: 'there are no routes in it' })],
    }
  const placed = (one: Problem): Problem => {
    const offset = offsetOf(one.pointer ?? '', isDump ? first.locate : null, documents)
    const { pointer: _, ...rest } = one
    return offset === undefined ? one : { ...rest, place: placeAt(file, text, offset) }
  }
  const inOrder = (problems: readonly Problem[]): readonly Problem[] =>
    problems.map(placed).sort((one, two) => (one.place?.line ?? 0) - (two.place?.line ?? 0))
  const used = new Set(
    translated.routes.flatMap(({ target }) =>
      target.kind === 'upstream' ? [target.upstream] : [],
    ),
  )
  return {
    table: {
      routes: translated.routes.map(renderRoute),
      upstreams: upstreams.flatMap(({ upstream }) =>
        upstream !== null && used.has(upstream.name) ? [renderUpstream(upstream)] : [],
      ),
    },
    left: inOrder(left),
    notes: inOrder([...found.notes, ...translated.notes]),
  }
}

/** Where a pointer leads; where its end was cut together from several keys, what stands around it. */
function offsetOf(
  pointer: string,
  dump: Locate | null,
  documents: readonly { readonly locate: Locate }[],
): number | undefined {
  const path = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const locate = dump ?? documents[Number(path.shift() ?? 0)]?.locate
  for (let length = path.length; length >= 0; length -= 1) {
    const offset = locate?.(path.slice(0, length), 'value')
    if (offset !== undefined) return offset
  }
  return undefined
}

/** `import`: writes the table, and names every line that it could not carry. */
export async function importFile(options: ImportOptions): Promise<number> {
  const { terminal, file, json, out } = options
  const tell = (found: Problem): void => {
    if (json) terminal.out(printEvent({ event: 'problem', ...found }))
    else terminal.err(printProblem(found, terminal.paintErr))
  }
  const text = await readInput(options)
  if (typeof text !== 'string') {
    tell(text)
    return exitCodes.usage
  }
  const imported = importText(file, text, options)
  if ('problems' in imported) {
    for (const one of imported.problems) tell(one)
    return exitCodes.failed
  }
  const { table, left, notes } = imported
  const isJson = json || out?.endsWith('.json') === true
  const written = isJson
    ? `${JSON.stringify(table, null, 2)}\n`
    : stringify(table, { lineWidth: 0 })
  try {
    if (out !== undefined)
      await writeFile(resolve(terminal.workingDirectory, out), written, { flag: 'wx' })
  } catch (error) {
    const reason = thrownMessage(error)
    tell(problem('TURNOUT_IMPORT_FILE', { file: out ?? '', reason }))
    return exitCodes.failed
  }
  for (const one of notes) {
    if (json) terminal.out(printEvent({ event: 'warning', ...one }))
    else terminal.err(printWarning(one, terminal.paintErr))
  }
  for (const one of left) tell(one)
  const off = table.routes.filter((route) => (route as { enabled?: boolean }).enabled === false)
  const counts = {
    routes: table.routes.length,
    switchedOff: off.length,
    upstreams: table.upstreams.length,
    left: left.length,
  }
  if (json) {
    terminal.out(
      printEvent({
        event: 'imported',
        ...counts,
        ...(out === undefined ? { table } : { file: out }),
      }),
    )
  } else {
    if (out === undefined) terminal.out(written)
    terminal.err(summaryOf(counts, out))
  }
  return left.length === 0 ? exitCodes.ok : exitCodes.failed
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

function summaryOf(
  { routes, switchedOff, left }: { routes: number; switchedOff: number; left: number },
  out: string | undefined,
): string {
  const to = out === undefined ? '' : ` to ${out}`
  const off = switchedOff === 0 ? '' : `, ${switchedOff} of them switched off`
  const rest = left === 0 ? 'nothing was left' : `${counted(left, 'line')} left, named above`
  return `${counted(routes, 'route')} carried${to}${off}; ${rest}\n`
}

async function readInput({ file, terminal }: ImportOptions): Promise<string | Problem> {
  const refuse = (reason: string): Problem => problem('TURNOUT_IMPORT_FILE', { file, reason })
  if (file === '-') return terminal.read()
  const path = resolve(terminal.workingDirectory, file)
  try {
    const { size } = await stat(path)
    if (size > largest) return refuse(`it is larger than ${largest} bytes`)
    return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return refuse(code === 'ENOENT' ? 'it is not there' : thrownMessage(error))
  }
}
