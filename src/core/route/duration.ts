import { kindOf, readInteger, refuse, refuseKind, type Input } from './input.ts'

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** A duration in ms: `10ms`, `5s`, `2m`, `1h`, `1d`, or in ISO 8601 `PT5S`; null where it is none, or no whole number of ms. */
export function parseDuration(text: string): number | null {
  if (text.length > 64) return null
  const [, amount, unit = ''] = /^(\d{1,15})(ms|[smhd])$/.exec(text) ?? []
  const ms = amount === undefined ? isoMs(text) : Number(amount) * (units[unit] ?? Number.NaN)
  return ms !== null && Number.isSafeInteger(ms) ? ms : null
}

function isoMs(text: string): number | null {
  const parts =
    /^P(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,3})0{0,6})?S)?)?$/i
  const [match, days = '', hours = '', minutes = '', seconds = '', part = ''] =
    parts.exec(text) ?? []
  if (match === undefined || match.toUpperCase() === 'P') return null
  const whole = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)
  return whole * 1_000 + Number(part.padEnd(3, '0'))
}

/** Reads a duration: an integer of ms, or a text. */
export function readDuration(
  input: Input,
  what: string,
  least: number,
  most: number,
): number | undefined {
  const { value } = input
  if (typeof value === 'number') return readInteger(input, what, least, most)
  if (typeof value !== 'string') return refuseKind(input, what, 'ms, or a text like 10ms or 5s')
  const ms = parseDuration(value)
  if (ms === null)
    return refuse(input, `${what} is ms, or a text like 10ms, 5s or PT5S, not ${kindOf(value)}`)
  return ms < least || ms > most ? refuse(input, `${what} is ${least} to ${most} ms`) : ms
}
