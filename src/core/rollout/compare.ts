import { walkJson, type Ignored } from './compare-json.ts'

/** Bodies above it are compared byte by byte, not by structure. */
export const maxStructureBytes = 262_144
/** Most places at which one comparison is told to differ. */
export const maxPlaces = 64
/** Longest text that shows a value. */
const maxShown = 200

/** What a version answered a copied exchange. */
export interface Answer {
  readonly status: number
  /** Name, value, name, value. */
  readonly headers: readonly string[]
  /** Without content coding: compressed bytes differ where nothing else does. */
  readonly body: Uint8Array
}

/** What of answers is compared, beside status and body. */
export interface CompareRules {
  /** Names of fields, lower case. */
  readonly headers: readonly string[]
  /** JSON pointers into bodies that are left out, with all below them; `*` is any one token. */
  readonly ignore: readonly string[]
}

/** One place at which two answers differ; null: there is nothing there. */
export interface Difference {
  /** `status`, `header content-type`, `body /items/*\/price`. An index of a list is `*`. */
  readonly place: string
  readonly stable: string | null
  readonly canary: string | null
}

/** One exchange, answered by the stable version twice and by the canary once. */
export interface Comparison {
  /** Where the canary differs from the first run of the stable version. */
  readonly differences: readonly Difference[]
  /** Places at which the two runs of the stable version differ. */
  readonly noise: ReadonlySet<string>
}

/**
 * Compares a canary's answer with the stable version's, and that one with another run of itself: what those two do not
 * agree on (a time, a random id) says nothing about the canary. The idea is Twitter's Diffy; `VerifyTally` weighs it over
 * many comparisons. Bodies of JSON are compared by structure: the order of keys, space and the writing of a number (1.0
 * and 1) do not count, the order of a list does. Integers above 2^53 are compared as doubles. All else is compared byte
 * by byte.
 */
export function compareAnswers(
  answers: { readonly stable: Answer; readonly again: Answer; readonly canary: Answer },
  rules: CompareRules,
): Comparison {
  const { stable, again, canary } = answers
  const ignored = rules.ignore.map(tokensOf)
  const first = bodyOf(stable)
  const noise = differencesOf(stable, first, again, rules, ignored)
  return {
    differences: differencesOf(stable, first, canary, rules, ignored),
    noise: new Set(noise.map(({ place }) => place)),
  }
}

function differencesOf(
  left: Answer,
  leftBody: Body,
  right: Answer,
  { headers }: CompareRules,
  ignored: readonly Ignored[],
): readonly Difference[] {
  const found: Difference[] = []
  if (left.status !== right.status)
    found.push({ place: 'status', stable: `${left.status}`, canary: `${right.status}` })
  for (const name of headers) {
    const [stable, canary] = [fieldOf(left, name), fieldOf(right, name)]
    if (stable !== canary)
      found.push({ place: `header ${name}`, stable: cut(stable), canary: cut(canary) })
  }
  if (sameBytes(left.body, right.body)) return found
  const rightBody = bodyOf(right)
  if (leftBody.kind === 'json' && rightBody.kind === 'json') {
    walkJson(leftBody.value, rightBody.value, ignored, (pointer, stable, canary) => {
      const shown = Array.isArray(stable) && Array.isArray(canary) ? shownLength : shownJson
      found.push({ place: placeOf(pointer), stable: shown(stable), canary: shown(canary) })
      return found.length < maxPlaces
    })
  } else {
    found.push({ place: placeOf(''), stable: shownBody(left), canary: shownBody(right) })
  }
  return found
}

const placeOf = (pointer: string): string => (pointer === '' ? 'body' : `body ${cut(pointer)}`)

type Body = { readonly kind: 'json'; readonly value: unknown } | { readonly kind: 'bytes' }

function bodyOf(answer: Answer): Body {
  const { body } = answer
  const isJson = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(
    fieldOf(answer, 'content-type') ?? '',
  )
  if (!isJson || body.length === 0 || body.length > maxStructureBytes) return { kind: 'bytes' }
  try {
    return { kind: 'json', value: JSON.parse(textOf(body)) }
  } catch {
    return { kind: 'bytes' }
  }
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** All values of a field, as RFC 9110 joins them; null where there is none. */
function fieldOf({ headers }: Answer, name: string): string | null {
  const values: string[] = []
  for (let at = 0; at + 1 < headers.length; at += 2)
    if (headers[at]!.toLowerCase() === name) values.push(headers[at + 1]!)
  return values.length === 0 ? null : values.join(', ')
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false
  return true
}

function cut<Text extends string | null>(text: Text): Text | string {
  return text !== null && text.length > maxShown ? `${text.slice(0, maxShown - 3)}...` : text
}

const shownLength = (list: unknown): string => `a list of ${Array.isArray(list) ? list.length : 0}`

function shownJson(value: unknown): string | null {
  if (value === undefined) return null
  try {
    return cut(JSON.stringify(value))
  } catch {
    return 'nested too deep to be shown'
  }
}

/** The beginning of a text; of other bytes how many there are. */
function shownBody({ body }: Answer): string {
  const start = new TextDecoder().decode(body.subarray(0, maxShown * 4), { stream: true })
  return /(?![\t\n\r])\p{Cc}|\ufffd/u.test(start) ? `${body.length} bytes` : cut(start)
}

const tokensOf = (pointer: string): Ignored =>
  pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
