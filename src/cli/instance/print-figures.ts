import type { FiguresSummary } from '../../admin/answers.ts'

/** A fraction in percent, with as many places as say something: `0.12 %`, `3.5 %`, `50 %`. */
export function percentText(fraction: number | null): string {
  if (fraction === null) return '-'
  return `${shortNumber(fraction * 100)} %`
}

/** `0.42 ms`, `4.2 ms`, `18 ms`. */
export function msText(ms: number | null): string {
  return ms === null ? '-' : `${shortNumber(ms)} ms`
}

/** Two places below 1, one below 10, none above. */
function shortNumber(number: number): string {
  const places = number < 1 ? 2 : number < 10 ? 1 : 0
  return String(Number(number.toFixed(places)))
}

export const figureHeads = ['REQUESTS', 'ERRORS', 'P50', 'P95'] as const

/** What was seen of a version, for a table. */
export function figureCells(figures: FiguresSummary): readonly string[] {
  const { requests, errorRate, p50Ms, p95Ms } = figures
  return [String(requests), percentText(errorRate), msText(p50Ms), msText(p95Ms)]
}

/** The same in a sentence. */
export function figureText({ requests, errorRate, p95Ms }: FiguresSummary): string {
  if (requests === 0) return 'nothing seen'
  return `${requests} requests, ${percentText(errorRate)} errors, p95 ${msText(p95Ms)}`
}
