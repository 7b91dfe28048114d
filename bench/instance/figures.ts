import { cpus, loadavg } from 'node:os'

/** The value that so much of a list is not above. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** The value in the middle. */
export function median(list: readonly number[]): number {
  const sorted = list.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Milliseconds as text. */
export const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} ms`

/** `p50 1.20 ms, p99 3.40 ms` */
export function quantiles(values: readonly number[]): string {
  return quantilesOf({ p50: percentile(values, 0.5), p99: percentile(values, 0.99) })
}

/** The same of what another process found. */
export const quantilesOf = ({ p50, p99 }: { readonly p50: number; readonly p99: number }): string =>
  `p50 ${ms(p50)}, p99 ${ms(p99)}`

/** A clock that all processes of a machine share. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** A line for a claim. */
export function claim(isReached: boolean, what: string): void {
  console.log(`${isReached ? 'reached' : 'MISSED '}  ${what}`)
}

/** `10k` and `1m` as numbers. */
export function sizeOf(text: string): number {
  const [, digits, unit] = /^(\d+)([km]?)$/.exec(text) ?? []
  if (digits === undefined) throw new Error(`${text} is no size: 10, 10k, 1m`)
  return Number(digits) * (unit === 'k' ? 1_000 : unit === 'm' ? 1_000_000 : 1)
}

/** What a figure cannot be read without. */
export function machine(): string {
  const [load = 0] = loadavg()
  const model = cpus()[0]?.model ?? 'unknown'
  return `${model}, ${cpus().length} cores, Node ${process.version}, load before ${load.toFixed(1)}`
}

/** Columns as wide as they must be: the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)))
  for (const [first, ...others] of rows) {
    const cells = others.map((cell, at) => cell.padStart(widths[at + 1]!))
    console.log([first!.padEnd(widths[0]!), ...cells].join('  '))
  }
}
