import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { metricTable, type Metric } from '../../src/core/metrics/metric-table.ts'
import { root } from '../docs/root.ts'
import { readYaml } from './files.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

const file = 'deploy/prometheus/alerts.yaml'
const [{ groups }] = readYaml(file) as [
  { readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[] },
]
const rules = groups.flatMap((group) => group.rules)

/** What Prometheus adds to every series itself. */
const ofPrometheus = ['job', 'instance']

/** Labels of each metric that an expression names, by the metric. */
function metricsOf(expr: string): ReadonlyMap<string, Metric> {
  const found = [...expr.matchAll(/\bturnout_\w+/g)].map(([name]) => {
    const base = name.replace(/_(bucket|sum|count)$/, '')
    const table: Readonly<Record<string, Metric>> = metricTable
    const metric = table[name] ?? (table[base]?.type === 'histogram' ? table[base] : undefined)
    assert.ok(metric !== undefined, `there is no metric ${name}`)
    assert.equal(metric.type === 'histogram', name !== base, `${name} is no series`)
    return [name, metric] as const
  })
  return new Map(found)
}

for (const { alert, expr, labels, annotations, ...rest } of rules) {
  test(`${alert} asks for what there is`, () => {
    const metrics = metricsOf(expr)
    assert.ok(metrics.size > 0)
    // In braces: `name{label="value"}`.
    for (const [, name, inner] of expr.matchAll(/\b(turnout_\w+)\{([^}]*)\}/g))
      for (const [, label] of inner!.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g))
        assert.ok(metrics.get(name!)!.labels.includes(label!), `${name} has no label ${label}`)
    const known = new Set([...metrics.values()].flatMap((metric) => metric.labels))
    if (expr.includes('_bucket')) known.add('le')
    for (const [, list] of expr.matchAll(/\b(?:by|on|without|ignoring) \(([^)]*)\)/g))
      for (const label of list!.split(',').map((text) => text.trim()))
        assert.ok(known.has(label) || ofPrometheus.includes(label), `${label} is no label`)
    for (const [, label] of Object.values(annotations)
      .join()
      .matchAll(/\$labels\.(\w+)/g))
      assert.ok(known.has(label!) || ofPrometheus.includes(label!), `${label} is no label`)
    // A counter is worth nothing but by how fast it grows.
    for (const [name, { type }] of metrics)
      if (type !== 'gauge')
        assert.match(expr, new RegExp(`(rate|increase)\\(${name}(\\{[^}]*\\})?\\[`))
    assert.match(labels['severity']!, /^(warning|critical)$/)
    assert.match(annotations['summary']!, /^[^\n]+[^.]$/)
    assert.deepEqual(
      Object.keys(rest).filter((key) => key !== 'for'),
      [],
    )
  })
}

test('no two rules have one name, and every value of a label that they ask for can come', () => {
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
  const all = rules.map(({ expr }) => expr).join('\n')
  for (const value of ['5xx', 'OPEN', 'ejected', 'unhealthy', 'ended', 'TURNOUT_OVERLOADED'])
    assert.ok(all.includes(value), value)
})

const promtool = spawnSync('promtool', ['--version']).error === undefined
const reason = "promtool is not installed: it is in Debian's prometheus"
test('promtool takes the rules', { skip: promtool ? false : reason }, () => {
  const path = fileURLToPath(new URL(file, root))
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', path], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stdout + stderr)
})
