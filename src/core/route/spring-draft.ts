import type { Json } from '../json.ts'
import type { Filter } from './filter.ts'
import type { Arg } from './spring-args.ts'

/** A filter of our own shape, and where its fields were said. */
export interface FilterDraft {
  readonly filter: { readonly [key: string]: Json }
  readonly places: Readonly<Record<string, Arg | undefined>>
}

/** A draft whose fields are texts of arguments; undefined where these have problems. */
export function draftOf(
  kind: Filter['kind'],
  bound: ReadonlyMap<string, Arg> | undefined,
  fields: Readonly<Record<string, (text: string) => Json>>,
): FilterDraft | undefined {
  if (bound === undefined) return undefined
  const said = Object.entries(fields).flatMap(([name, read]) => {
    const arg = bound.get(name)
    return arg === undefined ? [] : [[name, read(arg.text), arg] as const]
  })
  return {
    filter: { kind, ...Object.fromEntries(said.map(([name, value]) => [name, value])) },
    places: Object.fromEntries(said.map(([name, , arg]) => [name, arg])),
  }
}

/** A number where the text is one; what is none is told of by who reads it. */
export const numberOf = (text: string): Json =>
  /^[+-]?\d{1,15}(?:\.\d{1,15})?$/.test(text.trim()) ? Number(text) : text

/** Names of Spring may have dashes, which those of our params have not. */
export const paramsOf = (text: string): string =>
  text.replaceAll(/\{([^{}]*)\}/g, (_, name: string) => `{${name.replaceAll(/[^\w$]/g, '_')}}`)
