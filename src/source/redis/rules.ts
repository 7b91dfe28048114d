import type { Problem } from '../../core/errors.ts'
import {
  fieldOf,
  hasField,
  isPlainObject,
  maxProblems,
  pointerTo,
  readBoolean,
  readList,
  readObject,
  readText,
  refuse,
  refuseKind,
  shown,
  type Input,
} from '../../core/route/input.ts'
import { parseRoute, parseUpstream } from '../../core/route/parse.ts'
import type { Route, Upstream } from '../../core/route/route.ts'
import { parseStrictJson } from '../../core/strict-json.ts'
import { createBreathing } from '../../store/breathe.ts'

/** What a text of rules comes to. */
export type Rules =
  | {
      readonly kind: 'set'
      readonly routes: readonly Route[]
      readonly upstreams: readonly Upstream[]
    }
  /** It says nothing, and does not say that this is meant. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'broken'; readonly problems: readonly Problem[]; readonly reason: string }

/** As deep as a body of the admin API may be. */
const maxDepth = 32
const maxRules = 20_000
const keys: readonly string[] = ['routes', 'upstreams', 'empty']

/**
 * Reads rules: a list of routes, `{ routes, upstreams }`, the short form `[{ host, backend }]`, or `{ host: backend }`.
 * Reads on while everybody else is served, for there may be many.
 */
export async function readRules(text: string, owner: string): Promise<Rules> {
  if (text.trim() === '') return { kind: 'empty' }
  const parsed = parseStrictJson(text, maxDepth)
  if (!parsed.ok) {
    const { reason, line, column } = parsed
    return { kind: 'broken', problems: [], reason: `line ${line}, column ${column}: ${reason}` }
  }
  const input: Input = { value: parsed.value, pointer: '', problems: [] }
  const parts = partsOf(input)
  if (parts !== undefined && parts.isEmpty) return { kind: 'set', routes: [], upstreams: [] }
  const set = parts && (await readParts(parts, owner, input.problems))
  const [first] = input.problems
  if (first !== undefined) {
    const { length } = input.problems
    const reason = `${first.pointer === '' ? '' : `${first.pointer}: `}${first.message}`
    const more = length > 1 ? `, and ${length - 1} more problem${length > 2 ? 's' : ''}` : ''
    return { kind: 'broken', problems: input.problems, reason: reason + more }
  }
  if (set === undefined || set.routes.length + set.upstreams.length === 0) return { kind: 'empty' }
  return { kind: 'set', ...set }
}

interface Parts {
  readonly routes: readonly Input[]
  readonly upstreams: readonly Input[]
  readonly isEmpty: boolean
}

function partsOf(input: Input): Parts | undefined {
  const { value } = input
  if (Array.isArray(value)) return listed(input)
  if (!isPlainObject(value)) return refuseKind(input, 'a value of rules', 'a list or an object')
  const hosts = Object.entries(value)
  if (hosts.length > 0 && hosts.every(([key, one]) => isHost(key) && typeof one === 'string'))
    return {
      routes: hosts.map(([host, backend]) => ({
        value: { host, backend },
        pointer: pointerTo('', host),
        problems: input.problems,
      })),
      upstreams: [],
      isEmpty: false,
    }
  if (!readObject(input, 'a value of rules', keys)) return undefined
  const isEmpty = hasField(input, 'empty') && readBoolean(fieldOf(input, 'empty'), 'empty') === true
  if (isEmpty && (hasField(input, 'routes') || hasField(input, 'upstreams')))
    return refuse(fieldOf(input, 'empty'), 'it stands alone')
  const of = (key: string): readonly Input[] =>
    hasField(input, key) ? (readList(fieldOf(input, key), key, 0, maxRules) ?? []) : []
  return { routes: of('routes'), upstreams: of('upstreams'), isEmpty }
}

/** A name with a dot, an address or `localhost`: nobody takes it for a key of ours. */
const isHost = (key: string): boolean => !keys.includes(key) && /[.*:]|^localhost$/.test(key)

function listed(input: Input): Parts | undefined {
  const routes = readList(input, 'rules', 0, maxRules)
  return routes && { routes, upstreams: [], isEmpty: false }
}

/** Requests wait no longer than that for rules that are read. */
const sliceMs = 0.5

async function readParts(
  parts: Parts,
  owner: string,
  problems: Problem[],
): Promise<{ readonly routes: readonly Route[]; readonly upstreams: readonly Upstream[] }> {
  const breathe = createBreathing(sliceMs)
  const routes = new Map<string, Route>()
  const upstreams = new Map<string, Upstream>()
  for (const item of parts.routes) {
    if (problems.length >= maxProblems) break
    const route = isShort(item) ? readShort(item, owner) : readOne(item, owner)
    if (route !== undefined && routes.has(route.id))
      refuse(item, `${shown(route.id)} stands there twice`)
    else if (route !== undefined) routes.set(route.id, route)
    await breathe()
  }
  for (const item of parts.upstreams) {
    if (problems.length >= maxProblems) break
    const result = parseUpstream(item.value, { owner, pointer: item.pointer })
    if (result.upstream === null) problems.push(...result.problems)
    else if (upstreams.has(result.upstream.name))
      refuse(item, `${shown(result.upstream.name)} stands there twice`)
    else upstreams.set(result.upstream.name, result.upstream)
    await breathe()
  }
  return { routes: [...routes.values()], upstreams: [...upstreams.values()] }
}

function readOne(item: Input, owner: string): Route | undefined {
  const { route, problems } = parseRoute(item.value, { owner, pointer: item.pointer })
  if (route !== null) return route
  item.problems.push(...problems)
  return undefined
}

const isShort = ({ value }: Input): boolean =>
  isPlainObject(value) && (Object.hasOwn(value, 'host') || Object.hasOwn(value, 'backend'))

/** `{ host, backend }`: every path of a host goes to a backend. A backend without a scheme is spoken to in plain HTTP. */
function readShort(item: Input, owner: string): Route | undefined {
  if (!readObject(item, 'a rule', ['host', 'backend'])) return undefined
  const host = readText(fieldOf(item, 'host'), 'the host', 1, 255)?.toLowerCase()
  const backend = readText(fieldOf(item, 'backend'), 'the backend', 1, 2048)
  if (host === undefined || backend === undefined) return undefined
  const full = {
    id: `${owner}#${host}`,
    path: '/*',
    predicates: [{ kind: 'host', patterns: [host] }],
    target: { uri: /^[a-z][\w+.-]*:\//i.test(backend) ? backend : `http://${backend}` },
  }
  const { route, problems } = parseRoute(full, { owner, pointer: '' })
  if (route !== null) return route
  // The long form is not what the author wrote.
  for (const { pointer, ...found } of problems)
    item.problems.push({
      ...found,
      pointer: `${item.pointer}/${pointer?.startsWith('/target') === true ? 'backend' : 'host'}`,
    })
  return undefined
}
