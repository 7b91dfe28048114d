import { parseInstant } from '../instant.ts'
import { parsePattern, shapeOf } from '../router/pattern.ts'
import { suggest } from '../suggest.ts'
import { isPrintable, refuse, shown } from './input.ts'
import {
  expressionReason,
  hostReason,
  isoOf,
  maxAlternatives,
  maxText,
  maxTrusted,
  nameReason,
  sourceReason,
  tidyHost,
  tidyName,
  valueReason,
} from './predicate-parse.ts'
import type { Predicate, Selection } from './route.ts'
import { isMethod } from './route-parts.ts'
import { maxInteger } from './selection-parse.ts'
import {
  bindFields,
  gatherList,
  gatherListAndFlag,
  unsupported,
  type Arg,
  type Call,
} from './spring-args.ts'
import { refusedPredicates } from './spring-names.ts'
import { translatePath } from './spring-path.ts'
import { javaReason, literalOf } from './spring-regex.ts'

/** What the predicates of a definition say of a route. */
export interface Draft {
  readonly predicates: Predicate[]
  methods: readonly string[] | null
  paths: readonly string[] | null
  version: Pick<Selection, 'version' | 'isBaseline'> | null
  weight: Selection['weight']
}

const maxPlaces = 32

const readers: ReadonlyMap<string, (call: Call, draft: Draft) => void> = new Map([
  ['After', readAfter],
  ['Before', readBefore],
  ['Between', readBetween],
  ['Cookie', readCookie],
  ['Header', readHeader],
  ['Host', readHost],
  ['Method', readMethod],
  ['Path', readPath],
  ['Query', readQuery],
  ['RemoteAddr', (call, draft) => readSources(call, draft, null)],
  ['XForwardedRemoteAddr', readForwarded],
  ['Weight', readWeight],
  ['Version', readVersion],
])

/** Adds a predicate of a definition to a draft, or notes why not. */
export function draftPredicate(call: Call, draft: Draft): void {
  const { name, place } = call
  const read = readers.get(name)
  if (read !== undefined) return read(call, draft)
  const known = [...readers.keys()]
  const near = suggest(name, known)
  const hint = near === undefined ? `known: ${known.join(', ')}` : `did you mean ${near}?`
  return unsupported(
    place,
    `The predicate ${shown(name)}`,
    refusedPredicates.get(name) ?? `it is unknown; ${hint}`,
  )
}

function readAfter(call: Call, draft: Draft): void {
  const time = instantOf(bindFields(call, ['datetime'], 1)?.get('datetime'))
  if (time !== undefined) draft.predicates.push({ kind: 'time', from: isoOf(time), until: null })
}

function readBefore(call: Call, draft: Draft): void {
  const time = instantOf(bindFields(call, ['datetime'], 1)?.get('datetime'))
  if (time !== undefined) draft.predicates.push({ kind: 'time', from: null, until: isoOf(time) })
}

function readBetween(call: Call, draft: Draft): void {
  const bound = bindFields(call, ['datetime1', 'datetime2'], 2)
  const [from, until] = [instantOf(bound?.get('datetime1')), instantOf(bound?.get('datetime2'))]
  if (from === undefined || until === undefined) return
  if (from >= until) refuse(call.place, 'Between needs a datetime2 later than datetime1')
  else draft.predicates.push({ kind: 'time', from: isoOf(from), until: isoOf(until) })
}

/** A date and time with an offset, with a zone's name behind it or not; or milliseconds since 1970. */
function instantOf(arg: Arg | undefined): number | undefined {
  if (arg === undefined) return undefined
  const text = arg.text.trim().replace(/\[[\w+/:-]{1,64}\]$/, '')
  const time = /^-?\d{1,15}$/.test(text) ? Number(text) : parseInstant(text)
  if (time !== null && Math.abs(time) <= maxTime) return time + 0
  return refuse(
    arg.place,
    `${shown(arg.text)} is no instant like 2026-01-01T12:00:00+01:00[Europe/Paris]`,
  )
}
/** The years that ISO 8601 writes with four digits. */
const maxTime = 253_402_300_799_999

function readCookie(call: Call, draft: Draft): void {
  const bound = bindFields(call, ['name', 'regexp'], 2)
  pushValued('cookie', bound?.get('name'), bound?.get('regexp'), draft)
}

function readHeader(call: Call, draft: Draft): void {
  const bound = bindFields(call, ['header', 'regexp'], 1)
  pushValued('header', bound?.get('header'), bound?.get('regexp'), draft)
}

function readQuery(call: Call, draft: Draft): void {
  const bound = bindFields(call, ['param', 'regexp', 'predicate'], 1)
  const code = bound?.get('predicate')
  if (code !== undefined) unsupported(code.place, 'The predicate of Query', 'it is Java code')
  else pushValued('query', bound?.get('param'), bound?.get('regexp'), draft)
}

function pushValued(
  kind: 'header' | 'query' | 'cookie',
  nameArg: Arg | undefined,
  regexp: Arg | undefined,
  draft: Draft,
): void {
  if (nameArg === undefined) return
  const name = nameArg.text
  const reason = nameReason(kind, name)
  if (reason !== null) return refuse(nameArg.place, reason)
  // Spring asks for presence alone where the expression is blank.
  const source = regexp === undefined || regexp.text.trim() === '' ? null : regexp.text
  const literal = source === null ? null : literalOf(source)
  const isValue =
    literal !== null && literal.length <= maxText && valueReason(kind, literal) === null
  const equals = isValue ? literal : null
  const matches = equals === null ? source : null
  const trouble = matches === null ? null : (javaReason(matches) ?? expressionReason(matches))
  if (trouble !== null && regexp !== undefined)
    return unsupported(regexp.place, `The regular expression ${shown(regexp.text)}`, trouble)
  draft.predicates.push({ kind, name: tidyName(kind, name), equals, matches })
  return undefined
}

function readHost(call: Call, draft: Draft): void {
  const args = gatherFew(call)
  if (args === undefined) return
  const before = call.place.problems.length
  for (const { text, place } of args) {
    const reason = text.includes('${') ? '${...} stands for a property of Spring' : hostReason(text)
    if (reason !== null) unsupported(place, `The host pattern ${shown(text)}`, reason)
  }
  if (call.place.problems.length > before) return
  draft.predicates.push({ kind: 'host', patterns: args.map(({ text }) => tidyHost(text)) })
}

/** One proxy is trusted where nothing is said of it, as in Spring. */
function readForwarded(call: Call, draft: Draft): void {
  const isIndex = ({ key }: Arg): boolean => /^max[-_]?trusted[-_]?index$/i.test(key)
  const [index, twice] = call.args.filter(isIndex)
  if (twice !== undefined) return refuse(twice.place, `${call.name} has maxTrustedIndex twice`)
  const trusted = index === undefined ? 1 : Number(/^\d{1,9}$/.exec(index.text.trim())?.[0] ?? NaN)
  if (!(trusted >= 1 && trusted <= maxTrusted))
    return refuse(
      index!.place,
      `maxTrustedIndex is an integer of 1 to ${maxTrusted}, not ${shown(index!.text)}`,
    )
  readSources({ ...call, args: call.args.filter((arg) => !isIndex(arg)) }, draft, trusted)
  return undefined
}

function readSources(call: Call, draft: Draft, trusted: number | null): void {
  const args = gatherFew(call)
  if (args === undefined) return
  const before = call.place.problems.length
  for (const { text, place } of args) {
    const reason = sourceReason(text)
    if (reason !== null) refuse(place, reason)
  }
  if (call.place.problems.length > before) return
  draft.predicates.push({ kind: 'client', sources: args.map(({ text }) => text), trusted })
}

function gatherFew(call: Call): readonly Arg[] | undefined {
  const args = gatherList(call)
  if (args === undefined || args.length <= maxAlternatives) return args
  return refuse(call.place, `${call.name} has at most ${maxAlternatives} values`)
}

/** Whether a predicate that decides a place or a share comes a second time; if so, that is noted. */
function isTwice({ name, place }: Call, before: unknown): boolean {
  if (before === null) return false
  unsupported(place, `A second ${name}`, 'one route has one')
  return true
}

function readMethod(call: Call, draft: Draft): void {
  const args = gatherFew(call)
  if (args === undefined || isTwice(call, draft.methods)) return
  const methods = args.map(({ text }) => text.toUpperCase())
  for (const [at, { place, text }] of args.entries())
    if (!isMethod(methods[at] ?? '')) refuse(place, `${shown(text)} is no method`)
  draft.methods = [...new Set(methods)]
}

function readPath(call: Call, draft: Draft): void {
  const gathered = gatherListAndFlag(call, true)
  if (gathered === undefined || isTwice(call, draft.paths)) return
  const shapes = new Map<string, string>()
  for (const { text, place } of gathered.list) {
    const { paths, reason } = translatePath(text, gathered.flag)
    const parsed = (paths ?? []).map(parsePattern)
    const trouble = reason ?? parsed.find(({ problems }) => problems)?.problems?.[0]?.message
    if (trouble !== undefined) unsupported(place, `The path pattern ${shown(text)}`, trouble)
    for (const { pattern } of parsed) {
      // Two patterns of a list may take the same paths.
      if (pattern !== null && !shapes.has(shapeOf(pattern)))
        shapes.set(shapeOf(pattern), pattern.text)
    }
  }
  draft.paths = [...shapes.values()]
  if (shapes.size > maxPlaces)
    refuse(
      call.place,
      `Path comes to ${shapes.size} patterns, and a route has at most ${maxPlaces}`,
    )
}

/** The draws of one group are made among the routes of a place. */
function readWeight(call: Call, draft: Draft): void {
  const args = call.args.map((arg) => ({ ...arg, key: arg.key.replace(/^weight\./i, '') }))
  const bound = bindFields({ ...call, args }, ['group', 'weight'], 2)
  const [group, weight] = [bound?.get('group'), bound?.get('weight')]
  if (group === undefined || weight === undefined || isTwice(call, draft.weight)) return
  const share = /^\+?\d{1,10}$/.test(weight.text) ? Number(weight.text) : -1
  if (share < 0 || share > maxInteger)
    refuse(weight.place, `a weight is an integer of 0 to ${maxInteger}, not ${shown(weight.text)}`)
  if (!isPrintable(group.text) || group.text.length > 256)
    refuse(group.place, `${shown(group.text)} is no name of a group`)
  draft.weight = { group: group.text, weight: share }
}

/** `1`, `1.2` and `1.2.3` are versions whose missing numbers are zero; `+` takes later ones too. */
function readVersion(call: Call, draft: Draft): void {
  const arg = bindFields(call, ['version'], 1)?.get('version')
  if (arg === undefined || isTwice(call, draft.version)) return
  const [, major, minor = '0', patch = '0', plus] =
    /^v?(\d+)(?:\.(\d+)(?:\.(\d+))?)?(\+)?$/.exec(arg.text.trim()) ?? []
  const numbers = [major, minor, patch].map(Number)
  if (major === undefined || !numbers.every(Number.isSafeInteger))
    return refuse(
      arg.place,
      `${shown(arg.text)} is no version like 1.2, or 1.2+ for later ones too`,
    )
  draft.version = { version: numbers.join('.'), isBaseline: plus !== undefined }
  return undefined
}
