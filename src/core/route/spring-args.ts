import { suggest } from '../suggest.ts'
import {
  fieldOf,
  hasField,
  kindOf,
  note,
  readEntries,
  readObject,
  readText,
  refuse,
  shown,
  type Input,
} from './input.ts'

/** A predicate or filter of a definition: its factory's name and its arguments in order. */
export interface Call {
  readonly name: string
  readonly place: Input
  readonly args: readonly Arg[]
}

export interface Arg {
  readonly key: string
  readonly text: string
  readonly place: Input
}

const maxText = 8192
const maxArgs = 64

/** Notes what a definition asks for and does not get, by its name. */
export function unsupported(place: Input, name: string, reason: string): undefined {
  note(place, 'TURNOUT_SPRING_UNSUPPORTED', { name, reason })
}

/** Whether a text is free of expressions of Spring's language; if not, that is noted. */
export function isWithoutExpression(place: Input, text: string): boolean {
  if (!text.includes('#{')) return true
  unsupported(place, '#{...}', 'text of a definition is never evaluated')
  return false
}

/** Reads `Name=a,b` or `{ name, args }`; a filter's text may be a name alone. */
export function readCall(place: Input, what: 'predicate' | 'filter'): Call | undefined {
  if (typeof place.value === 'string') return readShortcut(place, what)
  if (!readObject(place, `a ${what}`, ['name', 'args'])) return undefined
  const name = readText(fieldOf(place, 'name'), `the name of a ${what}`, 1, 256)
  const entries = hasField(place, 'args')
    ? readEntries(fieldOf(place, 'args'), 'args', maxArgs)
    : []
  const args = entries?.map(([key, field]) => readArg(key, field))
  if (name === undefined || args === undefined || args.includes(undefined)) return undefined
  return { name, place, args: args.flatMap((arg) => arg ?? []) }
}

/** Pieces between commas, as Spring cuts them: a comma cannot be escaped, and empty pieces do not count. */
function readShortcut(place: Input, what: string): Call | undefined {
  const text = readText(place, `a ${what}`, 1, maxText)
  if (text === undefined || !isWithoutExpression(place, text)) return undefined
  const equals = text.indexOf('=')
  if (equals === 0 || (equals < 0 && what === 'predicate'))
    return refuse(place, `a ${what} as text is Name=value, not ${shown(text)}`)
  const pieces = equals < 0 ? [] : text.slice(equals + 1).split(',')
  const texts = pieces.map((piece) => piece.trim()).filter((piece) => piece !== '')
  if (texts.length > maxArgs) return refuse(place, `a ${what} has at most ${maxArgs} arguments`)
  const name = equals < 0 ? text : text.slice(0, equals)
  return { name, place, args: texts.map((one, at) => ({ key: `_genkey_${at}`, text: one, place })) }
}

function readArg(key: string, place: Input): Arg | undefined {
  const { value } = place
  const isScalar = ['string', 'number', 'boolean'].includes(typeof value)
  if (!isScalar) return refuse(place, `an argument is a text, not ${kindOf(value)}`)
  const text = String(value)
  if (text.length > maxText)
    return refuse(place, `an argument is longer than ${maxText} characters`)
  return isWithoutExpression(place, text) ? { key, text, place } : undefined
}

/**
 * Arguments by field. A generated key (`_genkey_0`, `_gen`) stands for the field at its own position, other keys for
 * the field of that name, in any of Spring's spellings.
 *
 * @param required So many of the first fields must be there.
 * @param positional So many of the first fields may be meant by position.
 */
export function bindFields(
  { name, place, args }: Call,
  fields: readonly string[],
  required: number,
  positional: number = fields.length,
): ReadonlyMap<string, Arg> | undefined {
  const bound = new Map<string, Arg>()
  let isBad = false
  const bad = (where: Input, reason: string): void => {
    refuse(where, reason)
    isBad = true
  }
  for (const [at, arg] of args.entries()) {
    const isGenerated = arg.key.startsWith('_gen')
    const field = isGenerated
      ? fields.slice(0, positional)[at]
      : fields.find((one) => plain(one) === plain(arg.key))
    if (field === undefined && isGenerated)
      bad(
        arg.place,
        positional === 0 && fields.length > 0
          ? `${name} takes its arguments by name: ${fields.join(', ')}`
          : `${name} has at most ${positional} arguments; one with a comma is written in args`,
      )
    else if (field === undefined) {
      const near = suggest(arg.key, fields)
      const hint = near === undefined ? `known: ${fields.join(', ')}` : `did you mean ${near}?`
      bad(arg.place, `${name} has no argument ${shown(arg.key)}; ${hint}`)
    } else if (bound.has(field)) bad(arg.place, `${name} has ${field} twice`)
    else bound.set(field, arg)
  }
  for (const field of fields.slice(0, required)) {
    if (!isBad && (bound.get(field)?.text.trim() ?? '') === '') bad(place, `${name} needs ${field}`)
  }
  return isBad ? undefined : bound
}

/** All arguments, whatever their keys; at least one. */
export function gatherList({ name, place, args }: Call): readonly Arg[] | undefined {
  return args.length === 0 ? refuse(place, `${name} needs a value`) : args
}

/** The same with `true` or `false` at the end taken apart. */
export function gatherListAndFlag(
  call: Call,
  otherwise: boolean,
): { readonly list: readonly Arg[]; readonly flag: boolean } | undefined {
  const last = call.args.at(-1)?.text.toLowerCase()
  const isFlag = last === 'true' || last === 'false'
  const list = gatherList(isFlag ? { ...call, args: call.args.slice(0, -1) } : call)
  return list && { list, flag: isFlag ? last === 'true' : otherwise }
}

/** `key-resolver`, `keyResolver` and `key_resolver` are one name. */
const plain = (key: string): string => key.toLowerCase().replaceAll(/[-_]/g, '')
