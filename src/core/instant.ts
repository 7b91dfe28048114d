const form =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):(\d\d))$/

/**
 * Reads an instant in ISO 8601 with an offset (`2026-01-01T12:00:00+01:00`, seconds may be left out), in milliseconds
 * since 1970. `Date.parse` would take 30 February.
 */
export function parseInstant(text: string): number | null {
  const [match, ...parts] = form.exec(text) ?? []
  if (match === undefined) return null
  const number = (at: number): number => Number(parts[at] ?? 0)
  const [year, month, day, hour, minute, second] = [0, 1, 2, 3, 4, 5].map(number)
  const [offsetHour, offsetMinute] = [number(8), number(9)]
  const isClock =
    hour! < 24 && minute! < 60 && second! < 60 && offsetHour <= 18 && offsetMinute < 60
  const millisecond = Number((parts[6] ?? '').padEnd(3, '0').slice(0, 3))
  const local = new Date(0)
  local.setUTCFullYear(year!, month! - 1, day)
  local.setUTCHours(hour!, minute, second, millisecond)
  if (!isClock || local.getUTCMonth() !== month! - 1 || local.getUTCDate() !== day) return null
  const sign = parts[7] === '-' ? -1 : 1
  return local.getTime() - sign * (offsetHour * 60 + offsetMinute) * 60_000
}
