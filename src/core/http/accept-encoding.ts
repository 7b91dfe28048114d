/** Weights by coding, of `Accept-Encoding` (RFC 9110 section 12.5.3); members that are none are passed over. */
function weightsOf(field: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>()
  for (const member of field.split(',')) {
    const form = /^([\w!#$%&'*+.^`|~-]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i
    const [, coding, weight = '1'] = form.exec(member.trim()) ?? []
    if (coding === undefined) continue
    const name = coding.toLowerCase() === 'x-gzip' ? 'gzip' : coding.toLowerCase()
    if (!weights.has(name)) weights.set(name, Number(weight))
  }
  return weights
}

/**
 * The coding that a client likes best among those that are offered, the first one where it likes several alike; null: none,
 * or no coding at all is liked better.
 */
export function chooseEncoding(
  field: string | undefined,
  offered: readonly string[],
): string | null {
  if (field === undefined) return null
  const weights = weightsOf(field)
  const any = weights.get('*') ?? 0
  let best: string | null = null
  let most = 0
  for (const coding of offered) {
    const weight = weights.get(coding) ?? any
    if (weight <= most) continue
    best = coding
    most = weight
  }
  return most < (weights.get('identity') ?? 0) ? null : best
}
