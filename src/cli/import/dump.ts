import type { Problem } from '../../core/errors.ts'
import { pointerTo } from '../../core/route/input.ts'
import type { SpringRoute, Written } from '../../core/route/spring-import.ts'
import type { Found } from './application.ts'
import { notCarried, takeApart } from './definitions.ts'
import { isMapping } from './tree.ts'

/** Reads what an actuator answers: `/actuator/gateway/routedefinitions` or `/actuator/gateway/routes`. */
export function readDump(list: readonly unknown[]): Found {
  const left: Problem[] = []
  const routes = list.flatMap((item, at): readonly SpringRoute[] => {
    const pointer = `/${at}`
    if (!isMapping(item) || !Object.hasOwn(item, 'route_id'))
      return definitionOf(item, pointer, left)
    const definition = item['route_definition']
    if (isMapping(definition)) {
      const whole = { id: item['route_id'], order: item['order'] ?? 0, ...definition }
      return definitionOf(whole, `${pointer}/route_definition`, left)
    }
    return [renderedRoute(item, pointer, left)]
  })
  return { routes, left, notes: [] }
}

function definitionOf(item: unknown, pointer: string, left: Problem[]): readonly SpringRoute[] {
  const taken = takeApart({ value: [item], pointer: '' }, [])
  const placed = (inner: string): string => inner.replace(/^\/0/, pointer)
  const at = <One extends Written>(one: One): One => ({ ...one, pointer: placed(one.pointer) })
  left.push(...taken.left.map((one) => ({ ...one, pointer: placed(one.pointer ?? '') })))
  return taken.routes.map((route) => ({
    ...route,
    pointer: placed(route.pointer),
    uri: at(route.uri),
    predicates: route.predicates.map(at),
    filters: route.filters.map(at),
    rest: Object.fromEntries(Object.entries(route.rest).map(([key, one]) => [key, at(one)])),
  }))
}

const advice = 'only its text is known; import GET /actuator/gateway/routedefinitions instead'

/** A route whose predicates and filters are told as texts for people; those that say all of it are read. */
function renderedRoute(
  item: Readonly<Record<string, unknown>>,
  pointer: string,
  left: Problem[],
): SpringRoute {
  const before = left.length
  const part = (text: unknown, at: string, forms: typeof predicateForms): readonly Written[] => {
    for (const [form, make] of forms) {
      const found = typeof text === 'string' ? form.exec(text) : null
      if (found !== null) return [{ value: make(found), pointer: at }]
    }
    left.push(notCarried(textOf(text), advice, { pointer: at }))
    return []
  }
  const predicate = textOf(item['predicate']).replace(/^\((.*)\)$/s, '$1')
  const texts = predicate === '' ? [] : predicate.split(' && ')
  const predicates = texts.flatMap((text) =>
    part(text, pointerTo(pointer, 'predicate'), predicateForms),
  )
  const given = item['filters']
  const list: readonly unknown[] = Array.isArray(given) ? (given as readonly unknown[]) : []
  const filters = list.flatMap((text, at) => part(text, `${pointer}/filters/${at}`, filterForms))
  const rest = ['metadata', 'order'].flatMap((key) =>
    Object.hasOwn(item, key)
      ? [[key, { value: item[key], pointer: `${pointer}/${key}` }] as const]
      : [],
  )
  return {
    id: textOf(item['route_id']),
    pointer,
    uri: { value: item['uri'], pointer: `${pointer}/uri` },
    predicates,
    filters,
    rest: Object.fromEntries(rest),
    isWhole: left.length === before,
  }
}

type Form = readonly [RegExp, (found: RegExpExecArray) => unknown]

const callOf = (name: string, args: readonly string[]): unknown => ({
  name,
  args: Object.fromEntries(args.map((text, at) => [`_genkey_${at}`, text])),
})

const listed = (text: string): readonly string[] => text.split(',').map((one) => one.trim())

const predicateForms: readonly Form[] = [
  [
    /^Paths: \[(.+)\], match trailing slash: (true|false)$/,
    ([, paths = '', slash = '']) => callOf('Path', [...listed(paths), slash]),
  ],
  [/^Methods: \[(.+)\]$/, ([, methods = '']) => callOf('Method', listed(methods))],
  [/^Hosts: \[(.+)\]$/, ([, hosts = '']) => callOf('Host', listed(hosts))],
]

const filterForms: readonly Form[] = [
  [
    /^\[\[StripPrefix parts = (\d+)\], order = -?\d+\]$/,
    ([, parts = '']) => callOf('StripPrefix', [parts]),
  ],
  [
    /^\[\[PrefixPath prefix = '(.*)'\], order = -?\d+\]$/,
    ([, prefix = '']) => callOf('PrefixPath', [prefix]),
  ],
  [
    /^\[\[((?:Add|Set)(?:Request|Response)Header) (\S+) = '(.*)'\], order = -?\d+\]$/,
    ([, name = '', header = '', value = '']) => callOf(name, [header, value]),
  ],
]

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
