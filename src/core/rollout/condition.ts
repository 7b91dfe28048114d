import { suggest } from '../suggest.ts'
import type { Condition } from './plan.ts'

type Metric = Condition['metric']

export const metrics: readonly Metric[] = [
  'errorRate',
  'clientErrorRate',
  'p50',
  'p95',
  'p99',
  'requests',
]
const compares: readonly Condition['compare'][] = ['<=', '<', '>=', '>']
export const maxConditionLength = 200
const maxTimes = 100

/** What a metric is measured in. */
export const kindOfMetric: Readonly<Record<Metric, 'rate' | 'duration' | 'count'>> = {
  errorRate: 'rate',
  clientErrorRate: 'rate',
  p50: 'duration',
  p95: 'duration',
  p99: 'duration',
  requests: 'count',
}

/** Something wrong in a condition's text. */
export interface ConditionProblem {
  /** Character of the text where it begins, from 1. */
  readonly at: number
  readonly reason: string
}

/** Either a condition and no problems, or at least one of them. */
export interface ParsedCondition {
  readonly condition: Condition | null
  readonly problems: readonly ConditionProblem[]
}

interface Token {
  readonly text: string
  readonly at: number
}

/**
 * Reads a condition, `p95 <= stable * 1.10 + 1ms`; it says how it is when all is well.
 *
 *     condition = metric compare (relative / amount)
 *     relative  = "stable" ["*" number] [("+" / "-") amount]
 *     amount    = number ("ms" / "s")     of p50, p95, p99
 *               / number "%"              of errorRate, clientErrorRate
 *               / integer                 of requests, which is never relative
 */
export function parseCondition(text: string): ParsedCondition {
  const problems: ConditionProblem[] = []
  const tokens = tokensOf(text)
  const end: Token = { text: '', at: text.length + 1 }
  const [metricToken = end, compareToken = end, ...rest] = tokens
  const refuse = (token: Token, reason: string): null => {
    problems.push({ at: token.at, reason })
    return null
  }
  const metric = metrics.find((one) => one === metricToken.text) ?? null
  if (metric === null) {
    const near = suggest(metricToken.text, metrics)
    const hint = near === undefined ? `known: ${metrics.join(', ')}` : `did you mean ${near}?`
    refuse(metricToken, `there is no metric ${shown(metricToken)}; ${hint}`)
  }
  const compare = compares.find((one) => one === compareToken.text) ?? null
  if (compare === null)
    refuse(
      compareToken,
      `a metric is compared by ${compares.join(' ')}, not ${shown(compareToken)}`,
    )
  const limit = readLimit(rest, end, metric, refuse)
  if (metric === null || compare === null || limit === null || problems.length > 0)
    return { condition: null, problems }
  return { condition: { text: text.trim(), metric, compare, ...limit }, problems }
}

type Refuse = (token: Token, reason: string) => null
type Limit = Pick<Condition, 'isRelative' | 'times' | 'plus'>

function readLimit(
  tokens: readonly Token[],
  end: Token,
  metric: Metric | null,
  refuse: Refuse,
): Limit | null {
  const [first = end, ...rest] = tokens
  if (first.text !== 'stable') {
    if (rest[0] !== undefined) refuse(rest[0], `${shown(rest[0])} is one too many`)
    const plus = readAmount(first, metric, refuse)
    return plus === null ? null : { isRelative: false, times: 0, plus }
  }
  if (metric !== null && kindOfMetric[metric] === 'count')
    refuse(first, `${metric} is compared with a number, for the versions have other shares`)
  let left = rest
  let times: number | null = 1
  if (left[0]?.text === '*') {
    times = readTimes(left[1] ?? end, refuse)
    left = left.slice(2)
  }
  let plus: number | null = 0
  const sign = left[0]?.text
  if (sign === '+' || sign === '-') {
    const amount = readAmount(left[1] ?? end, metric, refuse)
    plus = amount === null ? null : sign === '-' && amount !== 0 ? -amount : amount
    left = left.slice(2)
  }
  if (left[0] !== undefined)
    refuse(left[0], `after stable come * and a number, + or - and an amount, not ${shown(left[0])}`)
  return times === null || plus === null ? null : { isRelative: true, times, plus }
}

function readTimes(token: Token, refuse: Refuse): number | null {
  const times = /^\d{1,3}(?:\.\d{1,6})?$/.test(token.text) ? Number(token.text) : Number.NaN
  if (times > 0 && times <= maxTimes) return times
  return refuse(token, `stable is multiplied by a number up to ${maxTimes}, not ${shown(token)}`)
}

/** In ms, as a fraction, or a count. */
function readAmount(token: Token, metric: Metric | null, refuse: Refuse): number | null {
  const [, number = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|%)?$/.exec(token.text) ?? []
  if (number === '')
    return refuse(
      token,
      token.text === '' ? 'the limit is missing' : `${shown(token)} is no amount`,
    )
  if (metric === null) return Number(number)
  switch (kindOfMetric[metric]) {
    case 'duration':
      if (unit === 'ms') return Number(number)
      if (unit === 's') return Math.round(Number(number) * 1e9) / 1e6
      return refuse(
        token,
        `${metric} is compared with a time like 800ms or 1.5s, not ${shown(token)}`,
      )
    case 'rate':
      if (unit === '%' && Number(number) <= 100) return Number(number) / 100
      return refuse(token, `${metric} is compared with 0% to 100%, not ${shown(token)}`)
    case 'count':
      if (unit === '' && Number.isInteger(Number(number))) return Number(number)
      return refuse(token, `${metric} is compared with an integer, not ${shown(token)}`)
    default:
      return kindOfMetric[metric] satisfies never
  }
}

/** Words, numbers with their unit, signs; a lone character is itself. */
const tokensOf = (text: string): readonly Token[] =>
  Array.from(text.matchAll(/[A-Za-z]\w*|\d[\d.]*\s*(?:%|[A-Za-z]+)?|[<>=]+|\S/gu), (match) => ({
    text: /^\d/.test(match[0]) ? match[0].replaceAll(/\s/g, '') : match[0],
    at: match.index + 1,
  }))

const shown = ({ text }: Token): string =>
  text === '' ? 'nothing' : JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text)

/** The condition as we would write it. */
export function renderCondition(condition: Omit<Condition, 'text'>): string {
  const { metric, compare, isRelative, times, plus } = condition
  const amount = renderAmount(metric, Math.abs(plus))
  if (!isRelative) return `${metric} ${compare} ${amount}`
  const scaled = times === 1 ? 'stable' : `stable * ${times}`
  const moved = plus === 0 ? '' : ` ${plus < 0 ? '-' : '+'} ${amount}`
  return `${metric} ${compare} ${scaled}${moved}`
}

/** An amount of a metric as conditions write it. */
export function renderAmount(metric: Metric, amount: number): string {
  const plain = (value: number): string => `${Number(value.toFixed(8))}`
  switch (kindOfMetric[metric]) {
    case 'duration':
      return `${plain(amount)}ms`
    case 'rate':
      return `${plain(amount * 100)}%`
    case 'count':
      return `${amount}`
    default:
      return kindOfMetric[metric] satisfies never
  }
}
