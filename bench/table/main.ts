// What one change of a whole table costs: router and indexes, at a million routes. Run with --expose-gc.
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { plainRoute, type Route } from '../../src/core/route/route.ts'
import {
  addRoutes,
  editOwned,
  emptyTable,
  removeRoutes,
  type Table,
} from '../../src/core/route/table.ts'

const size = Number(process.argv[2] ?? 1_000_000)
const rounds = 20_000
const collect = (globalThis as { gc?: () => void }).gc

const routeAt = (path: string, run: number): Route =>
  plainRoute('app', `GET ${path}`, 'GET', path, { kind: 'closure', run })
const pathAt = (at: number): string => `/t/t${at % 10_000}/svc/s${Math.floor(at / 10_000)}/x/:id`

const heapBytes = (): number => {
  collect?.()
  collect?.()
  return process.memoryUsage().heapUsed
}

const replaceOne = (table: Table, route: Route): Table => {
  const { kept, added } = editOwned(table, 'app', [route], [])
  return addRoutes(kept, added).table
}

const percentile = (times: number[], share: number): string => {
  const sorted = times.toSorted((left, right) => left - right)
  return `${((sorted[Math.floor(sorted.length * share)] ?? 0) * 1000).toFixed(1)} us`
}

console.log(`${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, Node ${process.version}`)
const routes = Array.from({ length: size }, (_, at) => routeAt(pathAt(at), 0))
const empty = heapBytes()
const startedAt = performance.now()
let { table } = addRoutes(emptyTable, routes)
console.log(`build of ${size} routes: ${Math.round(performance.now() - startedAt)} ms`)
if (collect) {
  const bytes = (heapBytes() - empty) / size
  console.log(`heap of router and indexes: ${Math.round(bytes)} B per route`)
}

const times = { insert: [] as number[], replace: [] as number[], remove: [] as number[] }
const timed = (kind: keyof typeof times, change: () => Table): Table => {
  const begin = performance.now()
  const next = change()
  times[kind].push(performance.now() - begin)
  return next
}
for (let round = 0; round < rounds; round += 1) {
  const extra = routeAt(`/t/t${round % 10_000}/new/n${round}/:id`, 0)
  const changed = routeAt(pathAt((round * 7_919) % size), 1)
  table = timed('insert', () => addRoutes(table, [extra]).table)
  table = timed('replace', () => replaceOne(table, changed))
  table = timed('remove', () => removeRoutes(table, [extra]))
}
for (const [kind, list] of Object.entries(times)) {
  console.log(`${kind}: p50 ${percentile(list, 0.5)}, p99 ${percentile(list, 0.99)}`)
}

if (collect) {
  const before = heapBytes()
  const kept: Table[] = []
  for (let at = 0; at < 100; at += 1) {
    table = replaceOne(table, routeAt(pathAt((at * 104_729) % size), 2))
    kept.push(table)
  }
  const megabytes = (heapBytes() - before) / 1_000_000
  console.log(`${kept.length} kept revisions of one-route changes: ${megabytes.toFixed(2)} MB`)
}
