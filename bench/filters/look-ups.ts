import { performance } from 'node:perf_hooks'
import type { Facts } from '../../src/core/route/facts.ts'
import { findServing } from '../../src/core/route/find.ts'
import type { Route } from '../../src/core/route/route.ts'
import { addRoutes, emptyTable, removeRoutes, type Table } from '../../src/core/route/table.ts'
import { fieldAt, kinds, ruleAt, rulePath, type RuleKind } from './rules.ts'

const calls = 200_000

/** Microseconds of one look-up, for requests that come to all of the routes in turn. */
function lookUpTime(table: Table, facts: readonly Facts[]): number {
  const begin = performance.now()
  for (let at = 0; at < calls; at += 1) {
    const asked = facts[(at * 7_919) % facts.length]!
    if (findServing(table.router, 'GET', rulePath, {}, asked, () => 0).kind !== 'match')
      throw new Error('nobody serves')
  }
  return ((performance.now() - begin) * 1_000) / calls
}

const rulesOf = (kind: RuleKind, count: number): readonly Route[] =>
  Array.from({ length: count }, (_, at) => ruleAt(kind, at))

const factsOf = (kind: RuleKind, count: number): readonly Facts[] =>
  Array.from({ length: count }, (_, at) => {
    const headers = Object.fromEntries([fieldAt(kind, at)])
    return { header: (name) => headers[name], remoteAddress: () => '192.0.2.1', target: rulePath }
  })

/** Microseconds of each step of a change of so many tables, one after the other. */
function changeTime(
  table: Table,
  times: number,
  step: (table: Table, at: number) => Table,
): string {
  const begin = performance.now()
  let last = table
  for (let at = 0; at < times; at += 1) last = step(last, at)
  return `${(((performance.now() - begin) * 1_000) / times).toFixed(1)} us`
}

/** What ten thousand rules of one place cost a look-up beside one, and what a change of one of them costs. */
export function ruleLookUps(size: number, rounds: number): void {
  for (const kind of kinds) {
    const rules = rulesOf(kind, size)
    const one = addRoutes(emptyTable, rules.slice(0, 1)).table
    const many = addRoutes(emptyTable, rules).table
    const facts = factsOf(kind, size)
    let [least, most, same] = [Infinity, Infinity, Infinity]
    for (let round = 0; round < rounds; round += 1) {
      least = Math.min(least, lookUpTime(one, facts.slice(0, 1)))
      most = Math.min(most, lookUpTime(many, facts))
      same = Math.min(same, lookUpTime(many, facts.slice(-1)))
    }
    console.log(
      `${size} rules of one place by ${kind}: ${most.toFixed(2)} us a look-up, one rule ${least.toFixed(2)} us, ratio ${(most / least).toFixed(2)}, for one and the same of them ${(same / least).toFixed(2)}`,
    )
    const put = (table: Table, at: number): Table => addRoutes(table, [ruleAt(kind, at)]).table
    const inserts = changeTime(emptyTable, size, put)
    const replaces = changeTime(many, 2_000, (table, at) => put(table, (at * 7_919) % size))
    const removes = changeTime(many, 2_000, (table, at) => removeRoutes(table, [rules[at]!]))
    console.log(`  one put in ${inserts}, replaced ${replaces}, taken out ${removes}`)
  }
}
