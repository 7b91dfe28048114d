const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Milliseconds of `500ms`, `30s`, `5m` or `1h`; null where the text is none of them. */
export function parseDuration(text: string): number | null {
  const [, count, unit] = /^(\d{1,6})(ms|s|m|h)$/.exec(text) ?? []
  return count === undefined ? null : Number(count) * units[unit!]!
}
