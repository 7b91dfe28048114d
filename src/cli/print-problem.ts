import type { Problem } from '../core/errors.ts'
import { plainLine, plainText } from '../core/plain-text.ts'
import type { Paint } from './colour.ts'
import { cureOf } from './cure.ts'
import type { RejectionView } from './view.ts'

const indent = (text: string, by: string): string =>
  text
    .split('\n')
    .map((line) => (line === '' ? line : by + line))
    .join('\n')

/** One problem: code, message, place, code frame, mapped stack, and what to do. */
export function printProblem(problem: Problem, paint: Paint): string {
  return printFinding(problem, 'red', paint)
}

/** The same for what is not refused. */
export function printWarning(problem: Problem, paint: Paint): string {
  return printFinding(problem, 'yellow', paint)
}

function printFinding(problem: Problem, colour: 'red' | 'yellow', paint: Paint): string {
  const { code, message, place, stack, pointer } = problem
  const lines = [`  ${paint(colour, plainLine(code))}  ${plainLine(message)}`]
  if (place !== undefined) {
    const at = `${plainLine(place.file)}:${place.line}:${place.column}`
    lines.push(`    ${paint('dim', 'at')} ${paint('cyan', at)}`)
    if (place.frame !== undefined) lines.push('', indent(plainText(place.frame), '    '), '')
  }
  // A message often begins with it.
  if (place === undefined && pointer !== undefined && !message.startsWith(pointer))
    lines.push(`    ${paint('dim', 'at')} ${paint('cyan', plainLine(pointer))}`)
  if (stack !== undefined) {
    const frames = plainText(stack)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.startsWith('at '))
    if (frames.length > 0) lines.push(paint('dim', indent(frames.join('\n'), '      ')))
  }
  const cure = cureOf(code)
  if (cure !== undefined) lines.push(`    ${paint('green', 'to do')} ${cure}`)
  return `${lines.join('\n')}\n`
}

/** Several problems, a blank line between them. */
export function printProblems(problems: readonly Problem[], paint: Paint): string {
  return problems.map((problem) => printProblem(problem, paint)).join('\n')
}

const servingText = (serving: string | null | undefined): string => {
  if (serving === null) return 'not served'
  return serving === undefined ? 'the version before still serves' : `still serving ${serving}`
}

/** A refused change: what goes on serving, then every problem. */
export function printRejection(rejection: RejectionView, paint: Paint): string {
  const { module, serving, problems } = rejection
  const head = `${paint('red', '✗')} ${paint('bold', plainLine(module))}  ${plainLine(servingText(serving))}\n`
  return head + printProblems(problems, paint)
}
