import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'

/** One line of a scrape. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const unescaped = (text: string): string =>
  text.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))

/** Reads the samples of a scrape; whether it is right is asked of `parsedBy`. */
export function samplesOf(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('#')) return []
    const [, name, inner = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    assert.ok(name !== undefined && value !== undefined, `no sample: ${line}`)
    const labels = [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, label, escaped]) => [label!, unescaped(escaped!)] as const,
    )
    return [{ name, labels: Object.fromEntries(labels), value: Number(value) }]
  })
}

/** Sum of the samples of a name whose labels are those. */
export const sumOf = (
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number =>
  samples
    .filter((one) => one.name === name)
    .filter((one) => Object.entries(labels).every(([label, value]) => one.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0)

/** Names of metrics as the table has them, without what a histogram adds. */
export const metricsIn = (text: string): readonly string[] => [
  ...new Set(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) =>
      type === 'counter' && !name!.endsWith('_total') ? `${name}_total` : name!,
    ),
  ),
]

/** A family as an outside parser has read it. */
export interface Family {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: readonly (readonly [string, Readonly<Record<string, string>>, number])[]
}

const program = `
import json, sys
if sys.argv[1] == 'openmetrics':
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
else:
    from prometheus_client.parser import text_string_to_metric_families as parse
text = sys.stdin.buffer.read().decode('utf-8')
json.dump([{
    'name': family.name, 'type': family.type, 'help': family.documentation,
    'samples': [[s.name, s.labels, float(s.value)] for s in family.samples],
} for family in parse(text)], sys.stdout)
`

/** Debian's Python first: its packages are not those of another one in the path. */
const python: string | undefined = ['/usr/bin/python3', 'python3'].find(
  (one) => spawnSync(one, ['-c', 'import prometheus_client.openmetrics.parser']).status === 0,
)

/** Why no outside parser can be asked; null: one can. CI says that it must be there. */
export const noParser: string | null =
  python === undefined ? "install the client library: Debian's python3-prometheus-client" : null
if (noParser !== null && process.env['TURNOUT_PROMETHEUS_REQUIRED'] === '1')
  throw new Error(noParser)

/** Has Prometheus' own client library read a scrape: the strict parser, of OpenMetrics. Throws where it refuses. */
export function parsedBy(form: 'openmetrics' | 'prometheus', text: string): readonly Family[] {
  const { status, stdout, stderr } = spawnSync(python!, ['-c', program, form], {
    input: text,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  assert.equal(status, 0, `the parser refuses it: ${stderr.slice(-2_000)}`)
  return JSON.parse(stdout) as readonly Family[]
}

export const openMetrics = 'application/openmetrics-text; version=1.0.0'
