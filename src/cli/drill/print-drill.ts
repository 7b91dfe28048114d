import { plainLine } from '../../core/plain-text.ts'
import type { Paint } from '../colour.ts'
import type { Fault, Step } from './drill.ts'
import type { Injected } from './inject.ts'
import type { DrillReport, StepReport, Verdict } from './report.ts'
import type { Counts } from './tally.ts'

/** `slow: delay of 200 ms for 50 % of GET /shop` as it begins. */
export function printStart(step: Step, { revision }: Injected, paint: Paint): string {
  const routes = plainLine(step.routes.join(', '))
  const name = paint('bold', plainLine(step.name))
  return `▸ ${name}  ${faultText(step.fault)}, ${secondsText(step.forMs)}, on ${routes}  revision ${revision}\n`
}

export function printStep(report: StepReport, paint: Paint): string {
  const { name, verdict, counts, takenBack, isGone, changed, startedAt } = report
  const mark = verdict === 'held' ? paint('green', '✓') : paint('red', '✗')
  const parts = [`${mark} ${paint('bold', plainLine(name))}`, verdictTexts[verdict]]
  if (counts !== null) parts.push(countsText(counts))
  if (startedAt !== null && verdict !== 'refused')
    parts.push(
      takenBack === null
        ? isGone
          ? 'the instance took it back'
          : paint('red', 'not known to be taken back')
        : `taken back by revision ${takenBack}`,
    )
  const kept =
    changed.length === 0 ? '' : `  changed meanwhile, and kept: ${plainLine(changed.join(', '))}\n`
  return `${parts.join('  ')}\n${kept}`
}

/** The last line. */
export function printEnd({ verdict, steps }: DrillReport, paint: Paint): string {
  const held = steps.filter((one) => one.verdict === 'held').length
  const text = `${held} of ${steps.length} ${steps.length === 1 ? 'step' : 'steps'} held`
  return `${verdict === 'held' ? paint('green', text) : paint('red', text)}\n`
}

/** The whole report, for a file. */
export function printReport(report: DrillReport, paint: Paint): string {
  const { file, instance, url, startedAt, endedAt, budget, steps } = report
  const { errorPercent, minRequests } = budget
  const head = [
    `drill     ${plainLine(file)}`,
    `instance  ${plainLine(instance)}`,
    `probes    ${plainLine(url)}`,
    `from      ${startedAt}`,
    `to        ${endedAt}`,
    `budget    ${errorPercent} % of at least ${minRequests} probes`,
  ]
  const blocks = steps.map((step) => {
    const { name: _, ...rest } = step
    const rows = [
      `routes    ${plainLine(rest.routes.join(', '))}`,
      `fault     ${faultText({ kind: 'fault', ...rest.fault })}, ${secondsText(rest.forMs)}`,
      ...(rest.startedAt === null
        ? []
        : [`from      ${rest.startedAt}`, `to        ${rest.endedAt}`]),
      ...(rest.injected === null ? [] : [`injected  revision ${rest.injected}`]),
      ...(rest.counts === null ? [] : [`statuses  ${statusesText(rest.counts)}`]),
    ]
    return `${printStep(step, paint)}${rows.map((row) => `  ${row}\n`).join('')}`
  })
  return [`${head.join('\n')}\n`, ...blocks, printEnd(report, paint)].join('\n')
}

const verdictTexts: Readonly<Record<Verdict, string>> = {
  held: 'held',
  spent: 'spent its budget',
  interrupted: 'interrupted',
  refused: 'could not begin',
  skipped: 'skipped',
}

function countsText(counts: Counts): string {
  const { sent, failed, heldBack, p50Ms, p99Ms } = counts
  const share = sent === 0 ? '' : ` (${((failed / sent) * 100).toFixed(1)} %)`
  return [
    `${sent} sent, ${failed} failed${share}`,
    ...(heldBack === 0 ? [] : [`${heldBack} held back`]),
    ...(p50Ms === null ? [] : [`p50 ${p50Ms} ms, p99 ${p99Ms} ms`]),
  ].join('  ')
}

function statusesText({ statuses, unanswered }: Counts): string {
  const parts = Object.entries(statuses).map(([status, count]) => `${status} x ${count}`)
  return [...parts, ...(unanswered === 0 ? [] : [`no answer x ${unanswered}`])].join(', ') || 'none'
}

function faultText({ delayMs, delayPercent, abortStatus, abortPercent }: Fault): string {
  const share = (percent: number): string => (percent === 100 ? '' : ` for ${percent} %`)
  return [
    ...(delayMs > 0 ? [`delay of ${delayMs} ms${share(delayPercent)}`] : []),
    ...(abortStatus > 0 ? [`answer ${abortStatus}${share(abortPercent)}`] : []),
  ].join(' and ')
}

const secondsText = (ms: number): string => (ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`)
