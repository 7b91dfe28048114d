// What a change costs: `update.js TABLE [--short]` prints its figures as JSON. Turnout only: no peer has an
// update that leaves the earlier router valid.
import { type PersistentMap, editMap, emptyMap, setKey } from '../../src/core/persistent-map.ts'
import { findRoute } from '../../src/core/router/lookup.ts'
import { type Pattern, parsePattern } from '../../src/core/router/pattern.ts'
import {
  type Router,
  buildRouter,
  emptyRouter,
  insertRoute,
  removeRoute,
} from '../../src/core/router/router.ts'
import { loadTable, random } from './tables.ts'

interface Served {
  readonly id: number
}

const patternOf = (path: string): Pattern => {
  const { pattern, problems } = parsePattern(path)
  if (pattern === null) throw new Error(problems[0]?.message)
  return pattern
}

const quantile = (values: readonly number[], part: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

const microseconds = (run: () => void): number => {
  const before = process.hrtime.bigint()
  run()
  return Number(process.hrtime.bigint() - before) / 1000
}

const heapNow = (): number => {
  for (let run = 0; run < 4; run += 1) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const [table = 'github', mode] = process.argv.slice(2)
const { routes, requests } = loadTable(table)
const pick = random(7)
const count = mode === '--short' ? 3000 : 20_000
const routeAt = (index: number): { method: string; path: string } =>
  routes[index] ?? { method: 'GET', path: '/' }

/** Updates one at a time; the last 100 routers are alive, as a history would keep them. */
const updates = (base: Router<Served>): object => {
  const kept: Router<Served>[] = []
  const times: Record<string, number[]> = { insert: [], replace: [], remove: [] }
  let router = base
  const step = (name: string, change: () => Router<Served>): void => {
    times[name]?.push(
      microseconds(() => {
        router = change()
      }),
    )
    kept[(times[name]?.length ?? 0) % 100] = router
  }
  const added: { readonly method: string; readonly path: string }[] = []
  // The first tenth warms up. Each step goes to another place of the table; what is removed was added 50
  // steps before.
  for (let index = 0; index < count * 1.1; index += 1) {
    const beside = routeAt(pick(routes.length))
    const path = `${beside.path.replace(/\/\*?$/, '')}/new${index}/:added`
    added.push({ method: beside.method, path })
    step('insert', () => insertRoute(router, beside.method, patternOf(path), { id: index }))
    const old = routeAt(pick(routes.length))
    step('replace', () => insertRoute(router, old.method, patternOf(old.path), { id: index }))
    const gone = added[index - 50]
    if (gone) step('remove', () => removeRoute(router, gone.method, patternOf(gone.path)))
  }
  return Object.fromEntries(
    Object.entries(times).map(([name, values]) => {
      const timed = values.slice(Math.floor(count * 0.1))
      return [
        name,
        { p50: quantile(timed, 0.5), p99: quantile(timed, 0.99), p999: quantile(timed, 0.999) },
      ]
    }),
  )
}

/** Look-ups right after an update beside steady ones, in batches of 200 on fresh strings. */
const afterUpdate = (base: Router<Served>): object => {
  const size = 200
  const nanoseconds = { steady: [] as number[], after: [] as number[] }
  let router = base
  let found = 0
  const batch = (into: number[] | undefined): void => {
    const from = pick(Math.max(1, requests.length - size))
    const asked = requests.slice(from, from + size)
    const bytes = asked.map(({ url }) => Buffer.from(url, 'latin1'))
    const urls = bytes.map((url) => url.toString('latin1'))
    const before = process.hrtime.bigint()
    for (let index = 0; index < asked.length; index += 1) {
      if (findRoute(router, asked[index]!.method, urls[index]!).kind === 'match') found += 1
    }
    into?.push(Number(process.hrtime.bigint() - before) / asked.length)
  }
  for (let index = 0; index < 2000; index += 1) batch(undefined)
  for (let index = 0; index < 1000; index += 1) {
    const old = routeAt(pick(routes.length))
    router = insertRoute(router, old.method, patternOf(old.path), { id: index })
    batch(nanoseconds.after)
    batch(undefined)
    batch(nanoseconds.steady)
  }
  const steady = quantile(nanoseconds.steady, 0.5)
  const after = quantile(nanoseconds.after, 0.5)
  return { steady, after, ratio: after / steady, found }
}

/** 100 kept revisions of one-route changes: the router and the indexes by id and by owner. */
const keptRevisions = (base: Router<Served>): object => {
  const ids = routes.map((_, index) => ({ key: `r${index}`, value: { id: index } }))
  const owners = routes.map((_, index) => ({
    key: `files:o${index % 50} r${index}`,
    value: ids[index]!.value,
  }))
  let byId: PersistentMap<Served> = editMap<Served>(emptyMap, ids)
  let byOwner: PersistentMap<Served> = editMap<Served>(emptyMap, owners)
  let router = base
  const history: unknown[] = Array.from({ length: 100 }, () => null)
  const change = (index: number): void => {
    const at = pick(routes.length)
    const { method, path } = routeAt(at)
    const value = { id: index }
    router = insertRoute(
      router,
      method,
      patternOf(`${path.replace(/\/\*?$/, '')}/k${index}`),
      value,
    )
    byId = setKey(byId, `k${index}r${at}`, value)
    byOwner = setKey(byOwner, `files:o${at % 50} k${index}r${at}`, value)
  }
  for (let index = 0; index < 200; index += 1) change(index)
  const before = heapNow()
  for (let index = 0; index < 100; index += 1) {
    change(1000 + index)
    history[index] = { router, byId, byOwner }
  }
  return { bytes: heapNow() - before, revisions: history.length }
}

const patterns = routes.map(({ path }) => patternOf(path))
const value: Served = { id: -1 }
const before = heapNow()
let router: Router<Served> = emptyRouter
const buildMs =
  microseconds(() => {
    router = buildRouter(
      routes.map(({ method }, index) => ({ method, pattern: patterns[index]!, value })),
    )
  }) / 1000
const bytesPerRoute = (heapNow() - before) / routes.length
patterns.length = 0

console.log(
  JSON.stringify({
    routes: routes.length,
    buildMs,
    bytesPerRoute,
    ...updates(router),
    afterUpdate: afterUpdate(router),
    kept: keptRevisions(router),
  }),
)
