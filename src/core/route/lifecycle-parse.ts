import { parseInstant } from '../instant.ts'
import type { Json } from '../json.ts'
import {
  fieldOf,
  hasField,
  readBoolean,
  readObject,
  readOneOf,
  readText,
  refuse,
  shown,
  type Input,
} from './input.ts'
import type { Lifecycle } from './route.ts'

const states = ['current', 'maintenance', 'deprecated', 'retired'] as const
const relations = ['deprecation', 'sunset', 'successor'] as const
const keys = ['state', 'deprecatedAt', 'sunsetAt', 'gone', 'links']

/** Reads `{ state, deprecatedAt, sunsetAt, gone, links }`; problems are noted. */
export function readLifecycle(input: Input): Lifecycle | undefined {
  if (!readObject(input, 'a lifecycle', keys)) return undefined
  const state = readOneOf(fieldOf(input, 'state'), 'a state', states)
  const deprecated = readInstant(input, 'deprecatedAt')
  const sunset = readInstant(input, 'sunsetAt')
  const isGone = hasField(input, 'gone') ? readBoolean(fieldOf(input, 'gone'), 'gone') : false
  const links = hasField(input, 'links') ? readLinks(fieldOf(input, 'links')) : {}
  if (state === undefined || deprecated === undefined || sunset === undefined) return undefined
  if (isGone === undefined || links === undefined) return undefined
  if (state === 'deprecated' && deprecated === null)
    return refuse(input, 'what is deprecated says since when: deprecatedAt')
  if (deprecated !== null && sunset !== null && sunset < deprecated)
    return refuse(fieldOf(input, 'sunsetAt'), 'sunsetAt is before deprecatedAt')
  if (isGone && sunset === null)
    return refuse(fieldOf(input, 'gone'), 'gone is for after sunsetAt, which is missing')
  return {
    state,
    deprecatedAt: deprecated === null ? null : new Date(deprecated).toISOString(),
    sunsetAt: sunset === null ? null : new Date(sunset).toISOString(),
    isGoneAfterSunset: isGone,
    links,
  }
}

/** The lifecycle as `readLifecycle` reads it. */
export function renderLifecycle(lifecycle: Lifecycle): Json {
  const { state, deprecatedAt, sunsetAt, isGoneAfterSunset, links } = lifecycle
  return {
    state,
    ...(deprecatedAt !== null && { deprecatedAt }),
    ...(sunsetAt !== null && { sunsetAt }),
    ...(isGoneAfterSunset && { gone: true }),
    ...(Object.keys(links).length > 0 && { links }),
  }
}

/** Milliseconds since 1970; null: it is not there. */
function readInstant(input: Input, key: string): number | null | undefined {
  if (!hasField(input, key)) return null
  const field = fieldOf(input, key)
  const text = readText(field, 'an instant', 1, 64)
  if (text === undefined) return undefined
  return (
    parseInstant(text) ?? refuse(field, `${shown(text)} is no instant like 2026-01-01T12:00:00Z`)
  )
}

function readLinks(input: Input): Lifecycle['links'] | undefined {
  if (!readObject(input, 'links', relations)) return undefined
  const links: { [Relation in (typeof relations)[number]]?: string } = {}
  for (const relation of relations) {
    if (!hasField(input, relation)) continue
    const field = fieldOf(input, relation)
    const url = readText(field, 'a link', 1, 2048)
    if (url === undefined) continue
    if (isReference(url)) links[relation] = url
    else refuse(field, `${shown(url)} is no http or https URL, and no path that begins with /`)
  }
  return links
}

/** What may stand between `<` and `>` in a `Link` field. */
const isReference = (url: string): boolean =>
  /^(?:https?:\/\/[^/?#\s]|\/(?!\/))/i.test(url) &&
  /^[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]*$/.test(url)
