import type { Json } from '../json.ts'
import { fieldOf, hasField, readObject, readOneOf, readText, refuse, type Input } from './input.ts'
import { maxText, nameReason, tidyName } from './predicate-parse.ts'
import type { HashKey } from './upstream.ts'

const kinds = ['header', 'query', 'cookie', 'client'] as const

/** Reads what stands for a client: `{ kind: 'client' }`, its address, or `{ kind, name }` of a field of its request. */
export function readHashKey(input: Input): HashKey | undefined {
  if (!readObject(input, 'a key', ['kind', 'name'])) return undefined
  const kind = readOneOf(fieldOf(input, 'kind'), 'the kind of a key', kinds)
  if (kind === undefined) return undefined
  const field = fieldOf(input, 'name')
  if (kind === 'client')
    return hasField(input, 'name') ? refuse(field, 'the address of a client has no name') : { kind }
  const name = readText(field, `the name of a ${kind}`, 1, maxText)
  const reason = name === undefined ? null : nameReason(kind, name)
  if (reason !== null) return refuse(field, reason)
  return name === undefined ? undefined : { kind, name: tidyName(kind, name) }
}

/** The same where one for all may be meant, `{ kind: 'all' }`: null. */
export function readKeyOrAll(input: Input): HashKey | null | undefined {
  const { value } = fieldOf(input, 'kind')
  if (value !== 'all') return readHashKey(input)
  return readObject(input, 'a key', ['kind']) ? null : undefined
}

export const renderKeyOrAll = (key: Json): Json => key ?? { kind: 'all' }
