import type { RolloutItem } from '../../admin/answers.ts'
import { isOver } from '../../core/rollout/rollout.ts'
import { plainLine } from '../../core/plain-text.ts'
import { alignTable, cut } from '../align.ts'
import type { Paint, Style } from '../colour.ts'
import { figureCells, figureHeads, figureText } from './print-figures.ts'
import { printUptime } from './uptime.ts'

const statusStyles: Readonly<Record<RolloutItem['status'], Style>> = {
  running: 'cyan',
  paused: 'yellow',
  watching: 'cyan',
  promoted: 'green',
  aborted: 'red',
  superseded: 'yellow',
}
const verdictStyles: Readonly<Record<RolloutItem['judgements'][number]['verdict'], Style>> = {
  pass: 'green',
  fail: 'red',
  inconclusive: 'yellow',
  error: 'red',
}
const barWidth = 24
/** As wide as the widest name in front of a row, `inconclusive`. */
const nameWidth = 12
/** Differences that are shown of a verify step. */
const mostDifferences = 10

/** An id as a shell takes it. */
export function shellWord(id: string): string {
  const line = plainLine(id)
  return /^[\w@%+=:,./-]+$/.test(line) ? line : `'${line.replaceAll("'", `'\\''`)}'`
}

/** `users 1.3.0 → 2.0.0` */
export function rolloutName({ id, stable, canary }: RolloutItem): string {
  return plainLine(`${id} ${stable.version} → ${canary.version}`)
}

/** `step 3 of 6: weight 25 %`; empty after the last. */
export function stepLine({ step, steps }: RolloutItem): string {
  const text = steps[step]
  return text === undefined ? '' : plainLine(`step ${step + 1} of ${steps.length}: ${text}`)
}

function bar({ step, steps }: RolloutItem, paint: Paint): string {
  const done = steps.length === 0 ? barWidth : Math.round((step / steps.length) * barWidth)
  return paint('green', '█'.repeat(done)) + paint('dim', '░'.repeat(barWidth - done))
}

/** Where a rollout stands: how far it is, what is seen of both versions, and how they are judged. */
export function printRollout(item: RolloutItem, now: number, paint: Paint): string {
  const { status, revision, stable, canary, weight, cohort, judgements } = item
  const row = (name: string, text: string, style: Style = 'dim'): string =>
    text === '' ? '' : `${paint(style, name.padEnd(nameWidth))}  ${plainLine(text)}\n`
  const since = printUptime(now - Date.parse(item.stepSince))
  const step = stepLine(item)
  const head = `${paint('bold', rolloutName(item))}  ${paint(statusStyles[status], status)}, revision ${revision}\n`
  const progress = `${bar(item, paint)}  ${isOver(item) ? step : `${step}, for ${since}`}`.trimEnd()
  const sides = alignTable(
    [' '.repeat(nameWidth), 'VERSION', 'WEIGHT', ...figureHeads],
    [
      ['stable', stable.version, `${100 - weight} %`, ...figureCells(stable)],
      ['canary', canary.version, `${weight} %`, ...figureCells(canary)],
    ].map((cells) => cells.map(plainLine)),
    ['dim'],
    paint,
  )
  return [
    head,
    `${progress}\n`,
    sides,
    row('cohort', cohort === null ? '' : `${cohort.weight} % of the clients that it chooses`),
    ...judgements.map(({ verdict, condition, text }) =>
      row(verdict, `${condition}: ${text}`, verdictStyles[verdict]),
    ),
    verifyRows(item, row),
    row('reason', item.reason),
    status === 'paused'
      ? row('to do', `turnout rollout resume ${shellWord(item.id)}, or promote, or abort`, 'green')
      : '',
  ].join('')
}

function verifyRows(
  { verify }: RolloutItem,
  row: (name: string, text: string, style?: Style) => string,
): string {
  if (verify === null) return ''
  const { compared, different, failed, differences } = verify
  const more = differences.length - mostDifferences
  return [
    row('verify', `${compared} compared, ${different} different, ${failed} failed`),
    ...differences
      .slice(0, mostDifferences)
      .map(({ place, count, noise, request, stable, canary }) =>
        row(
          '',
          `${place}: ${cut(stable ?? 'nothing', 40)} → ${cut(canary ?? 'nothing', 40)}, ${count} of them, ${noise} by chance; ${request}`,
        ),
      ),
    row('', more > 0 ? `and ${more} more places` : ''),
  ].join('')
}

/** Where it stands on one line, for a log. */
export function printRolloutLine(item: RolloutItem, now: number, paint: Paint): string {
  const { status, stable, canary, weight } = item
  const time = new Date(now).toISOString().replace(/^.*T|\.\d+Z$/g, '')
  const worst = worstOf(item)
  return `${[
    paint('dim', `${time}Z`),
    paint('bold', rolloutName(item)),
    paint(statusStyles[status], status),
    [stepLine(item), `weight ${weight} %`].filter((part) => part !== '').join(', '),
    `stable ${figureText(stable)}`,
    `canary ${figureText(canary)}`,
    ...(worst === null
      ? []
      : [paint(verdictStyles[worst.verdict], worst.verdict) + ` ${plainLine(worst.text)}`]),
  ].join('  ')}\n`
}

/** The newest judgement that says most: what fails before what is not known before what passes. */
function worstOf({ judgements }: RolloutItem): RolloutItem['judgements'][number] | null {
  const ranks = ['fail', 'error', 'inconclusive', 'pass']
  const rankOf = ({ verdict }: RolloutItem['judgements'][number]): number => ranks.indexOf(verdict)
  return [...judgements].sort((one, other) => rankOf(one) - rankOf(other))[0] ?? null
}

/** What a rollout came to. */
export function printRolloutEnd(item: RolloutItem, paint: Paint): string {
  const isGood = item.status === 'promoted'
  const mark = isGood ? paint('green', '✓') : paint('red', '✗')
  const reason = isGood ? '' : `: ${plainLine(item.reason)}`
  return `${mark} ${paint('bold', rolloutName(item))}  ${endText(item)}${reason}\n`
}

/** Which version serves now that it is over. */
function endText({ status, stable, canary }: RolloutItem): string {
  if (status === 'promoted') return `promoted, all clients are on ${plainLine(canary.version)}`
  if (status === 'aborted') return `aborted, all clients are on ${plainLine(stable.version)}`
  return status
}

/** Where it stands after it was started or moved, on one line. */
export function printMoved(item: RolloutItem, paint: Paint): string {
  const { status, revision, weight, canary } = item
  const share = `${status}, ${weight} % of clients on ${plainLine(canary.version)}; ${stepLine(item)}`
  const stands = isOver(item) ? endText(item) : share
  return `${paint('green', '✓')} ${paint('bold', rolloutName(item))}  ${stands}, revision ${revision}\n`
}

const heads = ['ROLLOUT', 'STATUS', 'STEP', 'WEIGHT', 'STARTED', 'AUTHOR', 'REASON'] as const

/** One row for each rollout. */
export function printRollouts(items: readonly RolloutItem[], paint: Paint): string {
  const rows = items.map((item) =>
    [
      rolloutName(item),
      item.status,
      `${Math.min(item.step + 1, item.steps.length)} of ${item.steps.length}`,
      `${item.weight} %`,
      item.startedAt.replace('T', ' ').replace(/\.\d+Z$/, 'Z'),
      item.author,
      cut(item.reason, 60),
    ].map(plainLine),
  )
  return alignTable(heads, rows, ['bold'], paint)
}
