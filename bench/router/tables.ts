import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface BenchRoute {
  readonly method: string
  /** `:name` params; a final `*` is the rest. */
  readonly path: string
  readonly names: readonly string[]
}

/** A request and what it must give: the index of the route and the values of its params. */
export interface BenchRequest {
  readonly method: string
  readonly url: string
  readonly route: number
  readonly values: readonly string[]
}

export interface BenchTable {
  readonly name: string
  readonly routes: readonly BenchRoute[]
  readonly requests: readonly BenchRequest[]
}

/** Numbers that are the same in every process: every router answers the same requests. */
export function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const words = ['octocat', 'nodejs', 'hello-world', 'main', 'linux', 'turnout', 'release-2.1', 'api']

const namesOf = (path: string): string[] =>
  path
    .split('/')
    .filter((segment) => segment.startsWith(':') || segment === '*')
    .map((segment) => (segment === '*' ? '*' : segment.slice(1)))

const valueFor = (name: string, pick: (below: number) => number): string => {
  if (name === '*') return `img/${words[pick(words.length)]}/${pick(1000)}.png`
  if (/id|number|year|month|day|note/i.test(name)) return String(1 + pick(99_999))
  return words[pick(words.length)] ?? ''
}

function requestFor(
  routes: readonly BenchRoute[],
  route: number,
  pick: (below: number) => number,
): BenchRequest {
  const { method, path, names } = routes[route] ?? { method: 'GET', path: '/', names: [] }
  const values = names.map((name) => valueFor(name, pick))
  let next = 0
  const url = path
    .split('/')
    .map((segment) => (segment.startsWith(':') || segment === '*' ? values[next++] : segment))
    .join('/')
  return { method, url, route, values }
}

const services = [
  'users',
  'orders',
  'billing',
  'search',
  'mail',
  'files',
  'auth',
  'stock',
  'chat',
  'audit',
]
const endpoints: readonly (readonly [string, string])[] = [
  ['GET', 'items'],
  ['POST', 'items'],
  ['GET', 'items/:id'],
  ['PUT', 'items/:id'],
  ['DELETE', 'items/:id'],
  ['GET', 'items/:id/notes/:note'],
  ['GET', 'reports/:year/:month/:day'],
  ['GET', 'files/*'],
  ['GET', 'health'],
  ['GET', 'export/csv'],
]

/** Names of tenants as people choose them: of unequal length, and numbered. */
const tenantName = (index: number): string => `${words[index % words.length]}${index}`

function synthetic(tenants: number): BenchRoute[] {
  const routes: BenchRoute[] = []
  for (let tenant = 0; tenant < tenants; tenant += 1) {
    for (const service of services) {
      for (const [method, end] of endpoints) {
        const path = `/t/${tenantName(tenant)}/svc/${service}/${end}`
        routes.push({ method, path, names: namesOf(path) })
      }
    }
  }
  return routes
}

function published(name: string): BenchRoute[] {
  const file = fileURLToPath(new URL(`../../../bench/data/${name}.json`, import.meta.url))
  const { routes } = JSON.parse(readFileSync(file, 'utf8')) as {
    routes: { method: string; path: string }[]
  }
  return routes.map(({ method, path }) => ({ method, path, names: namesOf(path) }))
}

const tenants: Readonly<Record<string, number>> = { '10k': 100, '100k': 1000, '1m': 10_000 }

export const smallTables: readonly string[] = ['github', 'static', 'gplus', 'parse']
export const largeTables: readonly string[] = Object.keys(tenants)

/** The routes of a table and the requests to look up: every route once, or a sample of a large table. */
export function loadTable(name: string): BenchTable {
  const many = tenants[name]
  const routes = many === undefined ? published(name) : synthetic(many)
  const pick = random(42)
  const order =
    many === undefined
      ? routes.map((_, index) => index)
      : Array.from({ length: many > 1000 ? 65_536 : 4096 }, () => pick(routes.length))
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = pick(last + 1)
    const kept = order[last] ?? 0
    order[last] = order[other] ?? 0
    order[other] = kept
  }
  return { name, routes, requests: order.map((route) => requestFor(routes, route, pick)) }
}
