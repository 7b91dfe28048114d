import { cookieValueOf, queryValueOf, type Facts } from '../route/facts.ts'
import { compilePredicates } from '../route/predicate.ts'
import type { Predicate } from '../route/route.ts'

/** Where a request may ask for a version; the first that is there counts, in this order. */
export interface VersionSources {
  /** A header field. */
  readonly header: string
  /** A parameter of the query. */
  readonly query: string | null
  /** A segment of the path, counted from 0: `v1`, `1.2`. One that does not begin so asks for nothing. */
  readonly segment: number | null
  /** A parameter of a media type in `Accept`. */
  readonly mediaType: string | null
}

/** Where a request's labels come from; what is named first here has the last word on a name. */
export interface LabelSources {
  /** A header field: `canary=true, region=eu`. */
  readonly header: string
  /** A cookie of the same form, percent-encoded or not. */
  readonly cookie: string | null
  /** Clients for whom all predicates of a rule hold have its labels. Of several rules the first counts. */
  readonly rules: readonly LabelRule[]
}

export interface LabelRule {
  readonly predicates: readonly Predicate[]
  readonly labels: Readonly<Record<string, string>>
}

export interface AskingSettings {
  readonly versions: VersionSources
  readonly labels: LabelSources
}

export const usualAsking: AskingSettings = {
  versions: { header: 'X-API-Version', query: null, segment: null, mediaType: null },
  labels: { header: 'X-Turnout-Labels', cookie: null, rules: [] },
}

/** How requests ask for versions and labels, ready to be used. One for an instance. */
export interface Asking {
  readonly versionOf: (facts: Facts) => string | undefined
  readonly labelsOf: (facts: Facts, now: number) => ReadonlyMap<string, string>
  /** Fields that say something on a version, as `Vary` names them. */
  readonly versionFields: readonly string[]
  /** The same for labels. */
  readonly labelFields: readonly string[]
}

export function compileAsking({ versions, labels }: AskingSettings): Asking {
  const { cookie, rules } = labels
  const ruleFields = rules.flatMap(({ predicates }) => fieldsOf(predicates))
  const labelFields = [labels.header, ...(cookie === null ? [] : ['Cookie']), ...ruleFields]
  return {
    versionOf: versionReader(versions),
    labelsOf: labelReader(labels),
    versionFields: [versions.header, ...(versions.mediaType === null ? [] : ['Accept'])],
    labelFields,
  }
}

/** The fields that predicates look at. */
export const fieldsOf = (predicates: readonly Predicate[]): readonly string[] =>
  predicates.flatMap((one) =>
    one.kind === 'header' ? [one.name] : one.kind === 'cookie' ? ['Cookie'] : [],
  )

function versionReader(sources: VersionSources): Asking['versionOf'] {
  const { query, segment, mediaType } = sources
  const header = sources.header.toLowerCase()
  const others: Asking['versionOf'][] = []
  if (query !== null) others.push((facts) => queryValueOf(facts, query))
  if (segment !== null) others.push(({ target }) => segmentOf(target, segment))
  if (mediaType !== null) {
    const parameter = mediaType.toLowerCase()
    others.push((facts) => parameterOf(facts.header('accept'), parameter))
  }
  if (others.length === 0) return (facts) => facts.header(header)
  return (facts) => {
    let found = facts.header(header)
    for (let at = 0; found === undefined && at < others.length; at += 1) found = others[at]!(facts)
    return found
  }
}

/** A segment of the path that begins as a version does. */
function segmentOf(target: string, index: number): string | undefined {
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const segment = path.split('/', index + 2)[index + 1]
  return segment !== undefined && /^v?\d/i.test(segment) ? segment.replace(/^v/i, '') : undefined
}

const longestAccept = 4096

/** `version` of `application/json; version=1.2`: the first that is there. */
function parameterOf(accept: string | undefined, name: string): string | undefined {
  if (accept === undefined || accept.length > longestAccept) return undefined
  const pieces = accept.match(/[;,](?:[^;,"]|"[^"]*")*/g) ?? []
  for (const piece of pieces) {
    const equals = piece.indexOf('=')
    if (piece[0] !== ';' || piece.slice(1, equals).trim().toLowerCase() !== name) continue
    const value = piece.slice(equals + 1).trim()
    return value.startsWith('"') ? value.slice(1, value.lastIndexOf('"')) : value
  }
  return undefined
}

export const noLabels: ReadonlyMap<string, string> = new Map()

function labelReader({ header, cookie, rules }: LabelSources): Asking['labelsOf'] {
  const name = header.toLowerCase()
  const compiled = rules.map(({ predicates, labels }) => ({
    holds: compilePredicates(predicates),
    labels: Object.entries(labels),
  }))
  if (cookie === null && compiled.length === 0)
    return (facts) => {
      const field = facts.header(name)
      return field === undefined ? noLabels : readLabels(field, new Map())
    }
  return (facts, now) => {
    const found = new Map<string, string>()
    for (let at = compiled.length - 1; at >= 0; at -= 1) {
      const { holds, labels } = compiled[at]!
      if (holds(facts, now)) for (const [key, value] of labels) found.set(key, value)
    }
    const said = cookie === null ? undefined : cookieValueOf(facts, cookie)
    if (said !== undefined) readLabels(unescaped(said), found)
    const field = facts.header(name)
    return field === undefined ? found : readLabels(field, found)
  }
}

/** Many libraries escape `=` and `,` in a cookie. */
function unescaped(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function readLabels(field: string, labels: Map<string, string>): Map<string, string> {
  for (const pair of field.split(',')) {
    const equals = pair.indexOf('=')
    if (equals > 0) labels.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim())
  }
  return labels
}
