import { readData } from '../../config/read-data.ts'
import { placeAt } from '../../config/source.ts'
import type { Item } from '../../admin/answers.ts'
import type { ModuleUpload } from '../../admin/upload.ts'
import { problem, type Problem } from '../../core/errors.ts'
import { suggest } from '../../core/suggest.ts'
import { partsOf, type Origin, type Parts, type Written } from './parts.ts'

/** What a file asks for, or why it cannot be taken. */
export type PartsResult =
  | { readonly ok: true; readonly parts: Parts }
  /** `isUsage`: what was named is not there, or nothing that can be taken. */
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly isUsage?: boolean }

type Path = readonly (string | number)[]
type Fields = Readonly<Record<string, unknown>>

const listKeys = ['routes', 'upstreams', 'modules'] as const
const idKeys = ['enable', 'disable'] as const
const keys: readonly string[] = [...listKeys, ...idKeys, 'reason', 'based_on']

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads JSON or YAML: a change request, `{ routes: [...], upstreams: [...] }` whose items are put, a list of routes, or
 * one route. What is in a route or an upstream is the instance's to judge.
 */
export function readDataFile(file: string, text: string): PartsResult {
  const read = readData(file, text, 'TURNOUT_INPUT_FILE')
  if (!read.ok) return read
  const { value, locate } = read
  const problems: Problem[] = []
  const refuse = (path: Path, reason: string): void => {
    const place = placeAt(file, text, locate(path, 'key') ?? 0)
    problems.push(problem('TURNOUT_INPUT_FILE', { file, reason }, { place }))
  }
  const originOf = (path: Path): Origin => ({ file, source: { text, locate, path } })

  const items = (list: unknown, path: Path): Written<Item>[] => {
    if (list === undefined) return []
    if (Array.isArray(list) && list.every(isObject)) {
      return list.map((item, at) => ({ value: item as Item, origin: originOf([...path, at]) }))
    }
    refuse(path, `${path.join('.') || 'it'} is no list of objects`)
    return []
  }
  const ids = (list: unknown, path: Path): readonly string[] => {
    if (list === undefined) return []
    if (Array.isArray(list) && list.every((id) => typeof id === 'string')) return list
    refuse(path, `${path.join('.')} is no list of texts`)
    return []
  }
  /** `[...]` is short for `{ put: [...] }`. */
  const edits = (fields: Fields, name: (typeof listKeys)[number]) => {
    const edit = fields[name]
    if (!isObject(edit)) return { put: items(edit, [name]), remove: [] }
    for (const key of Object.keys(edit))
      if (key !== 'put' && key !== 'remove') refuse([name, key], `there is no key ${name}.${key}`)
    return {
      put: items(edit['put'], [name, 'put']),
      remove: ids(edit['remove'], [name, 'remove']),
    }
  }
  const request = (fields: Fields): Parts => {
    for (const key of Object.keys(fields)) {
      if (keys.includes(key)) continue
      const near = suggest(key, keys)
      refuse([key], `there is no key ${key}${near === undefined ? '' : `; did you mean ${near}?`}`)
    }
    const { reason, based_on: base } = fields
    if (reason !== undefined && typeof reason !== 'string') refuse(['reason'], 'reason is no text')
    const isNumber = typeof base === 'number' && Number.isSafeInteger(base) && base >= 0
    if (base !== undefined && !isNumber) refuse(['based_on'], 'based_on is no revision')
    const [routes, upstreams, modules] = [
      edits(fields, 'routes'),
      edits(fields, 'upstreams'),
      edits(fields, 'modules'),
    ]
    return {
      routes: routes.put,
      upstreams: upstreams.put,
      modules: modules.put as unknown as readonly Written<ModuleUpload>[],
      remove: [
        ...routes.remove.map((name) => ({ kind: 'route', name }) as const),
        ...upstreams.remove.map((name) => ({ kind: 'upstream', name }) as const),
        ...modules.remove.map((name) => ({ kind: 'module', name }) as const),
      ],
      enable: ids(fields['enable'], ['enable']),
      disable: ids(fields['disable'], ['disable']),
      reasons: typeof reason === 'string' ? [reason] : [],
      bases: isNumber ? [base] : [],
    }
  }
  const whole = (): Parts => {
    if (Array.isArray(value)) return partsOf({ routes: items(value, []) })
    if (isObject(value) && Object.keys(value).length > 0) {
      const isRequest = [...listKeys, ...idKeys].some((key) => Object.hasOwn(value, key))
      if (isRequest) return request(value)
      return partsOf({ routes: [{ value: value as Item, origin: originOf([]) }] })
    }
    refuse([], 'expected a change request, a list of routes, or a route')
    return partsOf({})
  }
  const parts = whole()
  return problems.length === 0 ? { ok: true, parts } : { ok: false, problems }
}
