import { problem, type Problem } from '../errors.ts'
import type { Json } from '../json.ts'
import { tokensOf } from '../router/overlap.ts'
import { parsePattern, shapeOf, type Pattern } from '../router/pattern.ts'
import { anyMethod } from '../router/router.ts'
import type { Filter } from './filter.ts'
import { parseRoute } from './parse.ts'
import type { Route, Predicate, Selection } from './route.ts'
import { expressionOf, literalOf } from './spring-regex.ts'

/** A Spring Cloud Gateway definition, or why a route has none. */
export type SpringResult =
  | { readonly definition: Json; readonly problem: null }
  | { readonly definition: null; readonly problem: Problem }

/** Name and arguments of a predicate. */
type Part = readonly [name: string, args: readonly string[]]

/**
 * The route as a Spring Cloud Gateway definition: the one that it was made from, else one in whose words the same can be
 * said.
 */
export function renderSpring(route: Route): SpringResult {
  if (route.definition !== null) return { definition: route.definition, problem: null }
  const no = (name: string, reason: string): SpringResult => ({
    definition: null,
    problem: problem('TURNOUT_SPRING_UNSUPPORTED', { name, reason }),
  })
  const { id, owner, target, enabled, metadata, selection } = route
  if (target.kind !== 'uri')
    return no(`A target of the kind ${target.kind}`, 'a definition has a URI')
  const parts = partsOf(route)
  if (typeof parts === 'string') return no(id, parts)
  const filters = (route.filters ?? []).map(springFilter)
  if (filters.includes(null)) return no(id, 'it has a filter that is not written back')
  const definition: Json = {
    id,
    uri: target.uri,
    predicates: parts.map(([name, args]) => ({
      name,
      args: Object.fromEntries(args.map((text, at) => [`_genkey_${at}`, text])),
    })),
    ...(filters.length > 0 && { filters: filters as readonly Json[] }),
    ...(metadata !== null && { metadata }),
    ...(selection !== null && selection.order !== 0 && { order: selection.order }),
    ...(!enabled && { enabled }),
  }
  // The translator has the last word on whether the same was said.
  const read = parseRoute(definition, { owner, pointer: '' }).route
  return read !== null && meaningOf(read) === meaningOf(route)
    ? { definition, problem: null }
    : no(id, 'a part of it has no form that would be read back as the same')
}

/** The filters whose fields Spring has too, in the order in which it has them. */
const filterFactories: Readonly<Partial<Record<Filter['kind'], readonly string[]>>> = {
  'strip-prefix': ['StripPrefix', 'parts'],
  'add-prefix': ['PrefixPath', 'prefix'],
  'set-path': ['SetPath', 'template'],
  'set-request-header': ['SetRequestHeader', 'name', 'value'],
  'add-request-header': ['AddRequestHeader', 'name', 'value'],
  'remove-request-header': ['RemoveRequestHeader', 'name'],
  'set-response-header': ['SetResponseHeader', 'name', 'value'],
  'add-response-header': ['AddResponseHeader', 'name', 'value'],
  'remove-response-header': ['RemoveResponseHeader', 'name'],
  'preserve-host': ['PreserveHostHeader'],
  'set-host': ['SetRequestHostHeader', 'host'],
  'set-status': ['SetStatus', 'status'],
  'add-query-parameter': ['AddRequestParameter', 'name', 'value'],
  'remove-query-parameter': ['RemoveRequestParameter', 'name'],
  'rewrite-query-parameter': ['RewriteRequestParameter', 'name', 'replacement'],
}

/** A filter as Spring has it, or null. */
function springFilter(filter: Filter): Json | null {
  const [name, ...fields] = filterFactories[filter.kind] ?? []
  if (name === undefined) return null
  const values = filter as unknown as Readonly<Record<string, string | number>>
  return { name, args: Object.fromEntries(fields.map((field) => [field, String(values[field])])) }
}

/** All predicates, or why one has no form. */
function partsOf({ methods, paths, selection }: Route): readonly Part[] | string {
  const pathPart = pathsPart(paths)
  if (typeof pathPart === 'string') return pathPart
  const parts: Part[] = [pathPart]
  if (methods[0] !== anyMethod) parts.push(['Method', methods])
  if (selection === null) return parts
  const { predicates, version, isBaseline, labels, weight } = selection
  if (Object.keys(labels).length > 0) return 'it has labels'
  for (const predicate of predicates) {
    const part = predicatePart(predicate)
    if (typeof part === 'string') return part
    parts.push(part)
  }
  if (version !== null) parts.push(['Version', [isBaseline ? `${version}+` : version]])
  if (weight !== null) parts.push(['Weight', [weight.group, String(weight.weight)]])
  return parts
}

function predicatePart(predicate: Predicate): Part | string {
  switch (predicate.kind) {
    case 'host':
      return ['Host', predicate.patterns]
    case 'header':
    case 'query':
    case 'cookie': {
      const { kind, name, equals, matches } = predicate
      const factory = { header: 'Header', query: 'Query', cookie: 'Cookie' }[kind]
      const source = equals === null ? matches : expressionOf(equals)
      if (source === '' || (source === null && kind === 'cookie'))
        return `a ${kind} that only has to be there or be empty has no form in Spring`
      return [factory, source === null ? [name] : [name, source]]
    }
    case 'time': {
      const { from, until } = predicate
      if (from !== null && until !== null) return ['Between', [from, until]]
      return from === null ? ['Before', [until ?? '']] : ['After', [from]]
    }
    case 'client': {
      const { sources, trusted } = predicate
      if (trusted !== null && trusted !== 1) return 'Spring trusts one proxy by default'
      return [trusted === null ? 'RemoteAddr' : 'XForwardedRemoteAddr', sources]
    }
    default:
      return predicate satisfies never
  }
}

/** Every pattern as Spring writes it, without its optional slash; one with a rest takes the path before it along. */
function pathsPart(paths: readonly string[]): Part | string {
  const patterns = paths.flatMap((path) => parsePattern(path).pattern ?? [])
  const shapes = new Set(patterns.map(shapeOf))
  const texts: string[] = []
  const covered = new Set<string>()
  for (const pattern of patterns) {
    const shape = shapeOf(pattern)
    if (!shape.endsWith('/*')) continue
    const before = shape.slice(0, -2)
    if (before !== '' && !shapes.has(before))
      return `${pattern.text} without ${before} has no form in Spring, where ${before}/** takes both`
    covered.add(before)
  }
  for (const pattern of patterns) {
    if (covered.has(shapeOf(pattern))) continue
    const text = springPath(pattern)
    if (text === null) return `${pattern.text} has characters that are signs in a pattern of Spring`
    texts.push(text)
  }
  return ['Path', [...texts, 'false']]
}

function springPath(pattern: Pattern): string | null {
  const names = pattern.edges.map(({ name }) => name)
  const words = tokensOf(pattern).map((token) => {
    if (token.kind === 'static') return decodeURIComponent(token.text)
    const name = names.shift() ?? ''
    if (token.kind === 'constrained') return `{${name}:${token.source}}`
    if (token.kind === 'param') return `{${name}}`
    return name === '*' ? '**' : `{*${name}}`
  })
  const isPlain = tokensOf(pattern).every(
    ({ kind }, at) => kind !== 'static' || !/[*?{};/]/.test(words[at] ?? ''),
  )
  return isPlain ? `/${words.join('/')}` : null
}

/** What a route says, in one form: an expression that matches one text is that text. */
function meaningOf(route: Route): string {
  const { id, methods, paths, target, selection, enabled, metadata } = route
  const { filters, streams, lifecycle } = route
  const shapes = paths.flatMap((path) => {
    const { pattern } = parsePattern(path)
    return pattern === null ? [] : [shapeOf(pattern)]
  })
  const meant: Selection | null = selection && {
    ...selection,
    predicates: selection.predicates.map((predicate) => {
      if (!('matches' in predicate) || predicate.matches === null) return predicate
      const equals = literalOf(predicate.matches)
      return equals === null ? predicate : { ...predicate, equals, matches: null }
    }),
  }
  const places = [[...methods].sort(), shapes.sort()]
  return JSON.stringify([id, places, target, filters, streams, lifecycle, meant, enabled, metadata])
}
