import { unmetReason, type Explanation } from '../core/router/explain.ts'
import { plainLine } from '../core/plain-text.ts'
import type { Paint } from './colour.ts'

const list = (texts: readonly string[]): string => texts.map(plainLine).join(', ')

/** Why a request is served by what it is served by, or what came nearest. `served` names module and version. */
export function printProbe(
  request: string,
  explanation: Explanation,
  served: string | null,
  paint: Paint,
): string {
  const lines: string[] = []
  const row = (name: string, text: string): void => {
    lines.push(`  ${paint('dim', name.padEnd(11))} ${text}`)
  }
  if (explanation.kind === 'invalid') {
    lines.push(`${paint('red', '✗')} ${plainLine(request)}  400`)
    row('because', explanation.fault)
  } else if (explanation.kind === 'match') {
    const { method, pattern, segments, passedOver, refused } = explanation
    lines.push(
      `${paint('green', '✓')} ${plainLine(request)}  ${paint('bold', `${method} ${plainLine(pattern)}`)}`,
    )
    if (served !== null) row('served by', plainLine(served))
    for (const { text, kind, name, value } of segments) {
      row(kind, name === undefined ? plainLine(text) : plainLine(`${name} = ${value ?? text}`))
    }
    for (const other of passedOver) {
      row('passed over', plainLine(`${other.method} ${other.pattern} (${other.because})`))
    }
    for (const one of refused) row('refused', plainLine(JSON.stringify(one)))
  } else {
    const { nearest } = explanation
    const isOtherMethod = nearest.otherMethods.length > 0
    lines.push(`${paint('red', '✗')} ${plainLine(request)}  ${isOtherMethod ? '405' : '404'}`)
    if (isOtherMethod) row('methods', list(nearest.otherMethods))
    const { unmet = [] } = nearest
    for (const { method, pattern } of unmet) {
      row('unmet', plainLine(`${method} ${pattern} (${unmetReason})`))
    }
    row('matched', plainLine(nearest.matched))
    // Where a place fits in full, how far the path led is beside the point.
    if (unmet.length === 0 && nearest.at !== '') row('stopped at', plainLine(nearest.at))
    if (unmet.length === 0 && nearest.expected.length > 0) row('expected', list(nearest.expected))
    if (nearest.otherSlash !== undefined) row('but', `${plainLine(nearest.otherSlash)} is served`)
    for (const one of nearest.refused) row('refused', plainLine(JSON.stringify(one)))
  }
  return `${lines.join('\n')}\n`
}
