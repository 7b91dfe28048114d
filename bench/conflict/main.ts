// What looking for conflicts adds to putting one route into a large table, by policy.
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { ConflictPolicy } from '../../src/core/route/conflict.ts'
import { plainRoute, type Route } from '../../src/core/route/route.ts'
import { addRoutes, emptyTable, removeRoutes } from '../../src/core/route/table.ts'

const size = Number(process.argv[2] ?? 100_000)
const rounds = 5_000

const routeAt = (owner: string, path: string): Route =>
  plainRoute(owner, `GET ${path}`, 'GET', path, { kind: 'module', module: owner })

const percentile = (times: number[], share: number): string => {
  const sorted = times.toSorted((left, right) => left - right)
  return `${((sorted[Math.floor(sorted.length * share)] ?? 0) * 1000).toFixed(1)} us`
}

console.log(`${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, Node ${process.version}`)
// A thousand owners, each below a segment of its own.
const routes = Array.from({ length: size }, (_, at) =>
  routeAt(`files:o${at % 1_000}`, `/o${at % 1_000}/s${Math.floor(at / 1_000)}/:id(\\d+)`),
)
const kinds: readonly (readonly [string, (round: number) => string])[] = [
  ['plain param', (round) => `/o${round % 1_000}/n${round}/:id`],
  ['constrained, beside another', (round) => `/o${round % 1_000}/s${round % 7}/:name([a-z]+)`],
]
for (const policy of [
  'exact',
  'ambiguous',
  'prefix',
  'prefix-within',
] as const satisfies readonly ConflictPolicy[]) {
  const startedAt = performance.now()
  const { table, refusals } = addRoutes(emptyTable, routes, policy)
  const builtMs = Math.round(performance.now() - startedAt)
  console.log(`${policy}: ${size} routes in ${builtMs} ms, ${refusals.length} refused`)
  for (const [kind, pathOf] of kinds) {
    const times: number[] = []
    let next = table
    for (let round = 0; round < rounds; round += 1) {
      const route = routeAt(`files:o${round % 1_000}`, pathOf(round))
      const begin = performance.now()
      const result = addRoutes(next, [route], policy)
      times.push(performance.now() - begin)
      if (result.refusals.length > 0) throw new Error(result.refusals[0]?.problem.message)
      // Each route meets the table as it was built.
      next = removeRoutes(result.table, [route])
    }
    console.log(`  ${kind}: p50 ${percentile(times, 0.5)}, p99 ${percentile(times, 0.99)}`)
  }
}
