import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { readData } from '../../config/read-data.ts'
import { findOffset, placeAt } from '../../config/source.ts'
import type { Item, RolloutRequest } from '../../admin/answers.ts'
import { problem, type Problem } from '../../core/errors.ts'
import { thrownMessage } from '../../core/thrown.ts'
import { isVersion } from '../../core/version/version.ts'
import type { Terminal } from '../commands.ts'
import type { StartSubject } from './commands.ts'
import type { PlaceOf } from './reach.ts'

/** What `rollout start` sends, and where it was written. */
export type RolloutInput =
  | { readonly ok: true; readonly body: RolloutRequest; readonly placeOf: PlaceOf }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly isUsage: boolean }

type Refused = Extract<RolloutInput, { readonly ok: false }>
type Part = Extract<RolloutInput, { readonly ok: true }>

const largest = 32 * 1024 * 1024

const refuse = (file: string, reason: string, isUsage = false): Refused => ({
  ok: false,
  problems: [problem('TURNOUT_INPUT_FILE', { file, reason })],
  isUsage,
})

/** Reads and builds what a rollout is started with; the instance judges it. */
export async function readRolloutInput(
  subject: StartSubject,
  planFile: string | undefined,
  terminal: Terminal,
): Promise<RolloutInput> {
  if (subject.text === '-' && planFile === '-')
    return refuse('standard input', 'it is one file: name the other', true)
  const parts = await Promise.all([
    readSubject(subject, terminal),
    ...(planFile === undefined ? [] : [readObject(planFile, 'plan', terminal)]),
  ])
  const refused = parts.flatMap((part) => (part.ok ? [] : [part]))
  if (refused.length > 0) {
    const isUsage = refused.some((one) => one.isUsage)
    return { ok: false, problems: refused.flatMap(({ problems }) => problems), isUsage }
  }
  const read = parts.filter((part): part is Part => part.ok)
  return {
    ok: true,
    body: Object.assign({}, ...read.map(({ body }) => body)) as RolloutRequest,
    placeOf: (pointer) =>
      read.map(({ placeOf }) => placeOf(pointer)).find((place) => place !== null) ?? null,
  }
}

const nowhere: PlaceOf = () => null

async function readSubject(
  { kind, text }: StartSubject,
  terminal: Terminal,
): Promise<RolloutInput> {
  if (kind !== 'version-or-code') return readObject(text, kind, terminal)
  const at = text.lastIndexOf('@')
  if (at > 0 && isVersion(text.slice(at + 1)))
    return { ok: true, body: { module: text }, placeOf: nowhere }
  return readCode(text, terminal)
}

/** The builder is loaded only where something is built. */
async function readCode(file: string, terminal: Terminal): Promise<RolloutInput> {
  const { readInputs } = await import('./read-inputs.ts')
  const result = await readInputs([file], terminal)
  if (!result.ok) {
    const { problems, isUsage = false } = result
    // A word that looks like no file was meant as a version.
    if (!isUsage || /[./\\]/.test(file)) return { ok: false, problems, isUsage }
    return refuse(file, 'expected NAME@VERSION of a version that is there, or a file of code', true)
  }
  const { modules, routes, upstreams } = result.parts
  if (routes.length + upstreams.length > 0)
    return refuse(
      file,
      'it is no code; a route or an upstream: --route FILE, --upstream FILE',
      true,
    )
  const [module, ...others] = modules
  if (module === undefined || others.length > 0)
    return refuse(file, 'a rollout is of one module', true)
  const written = { file: module.origin.file }
  return {
    ok: true,
    body: { ...module.value },
    placeOf: (pointer) => (pointer.startsWith('/artifact') ? written : null),
  }
}

/** A file of one object, JSON or YAML, which becomes the field of its kind. */
async function readObject(
  named: string,
  field: 'route' | 'upstream' | 'plan',
  terminal: Terminal,
): Promise<RolloutInput> {
  const file = named === '-' ? 'standard input' : named
  let text: string
  try {
    if (named === '-') text = await terminal.read()
    else {
      const path = resolve(terminal.workingDirectory, named)
      if ((await stat(path)).size > largest)
        return refuse(file, `it is larger than ${largest} bytes`)
      text = await readFile(path, 'utf8')
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT'
      ? refuse(file, 'it is not there', true)
      : refuse(file, thrownMessage(error))
  }
  const read = readData(file, text, 'TURNOUT_INPUT_FILE')
  if (!read.ok) return { ...read, isUsage: false }
  const { value, locate } = read
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse(file, `expected the object of one ${field}`)
  return {
    ok: true,
    body: { [field]: value as Item },
    placeOf: (pointer) => {
      if (pointer !== `/${field}` && !pointer.startsWith(`/${field}/`)) return null
      const inside = pointer.slice(field.length + 1)
      const place = placeAt(file, text, findOffset(locate, inside))
      return { file, pointer: inside, place }
    },
  }
}
