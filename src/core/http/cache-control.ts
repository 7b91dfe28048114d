/** Directives of `Cache-Control` by lower-case name (RFC 9111 section 5.2); the first of each counts, without quotes. */
export function cacheDirectives(field: string | undefined): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  // Commas within quotes belong to a value.
  for (const [, name, quoted, plain] of (field ?? '').matchAll(
    /([\w!#$%&'*+.^`|~-]+)(?:[ \t]*=[ \t]*(?:"([^"]*)"|([^\s,"]*)))?/g,
  )) {
    const key = name!.toLowerCase()
    if (!found.has(key)) found.set(key, quoted ?? plain ?? '')
  }
  return found
}

/** Seconds of a directive: null where it is not there; 0 where it is no number, for then nothing is fresh. */
export function secondsOf(directives: ReadonlyMap<string, string>, name: string): number | null {
  const text = directives.get(name)
  if (text === undefined) return null
  return /^\d{1,10}$/.test(text) ? Number(text) : 0
}

/** Whether one of the entity tags of `If-None-Match` is that of an answer; weak comparison, as it asks for. */
export function isNoneMatch(field: string, tag: string | undefined): boolean {
  if (tag === undefined) return false
  const plain = tag.replace(/^W\//, '')
  return (
    field.trim() === '*' ||
    (field.match(/(?:W\/)?"[^"]*"/g) ?? []).some((one) => one.replace(/^W\//, '') === plain)
  )
}
