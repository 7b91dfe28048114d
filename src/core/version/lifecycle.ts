import type { Lifecycle } from '../route/route.ts'

/** What a lifecycle comes to when requests are served. */
export interface Announcement {
  /** The instant from which on the version answers 410: never (`Infinity`), or always (`-Infinity`). */
  readonly goneAt: number
  /** Fields that each answer has once: name, value, name, value. */
  readonly fields: readonly string[]
  /** The value of a further `Link` field, or null. */
  readonly link: string | null
}

const none: Announcement = { goneAt: Infinity, fields: [], link: null }

const known = new WeakMap<Lifecycle, Announcement>()

/** Made once for each lifecycle. */
export function announcementOf(lifecycle: Lifecycle | undefined): Announcement {
  if (lifecycle === undefined) return none
  const made = known.get(lifecycle) ?? announce(lifecycle)
  known.set(lifecycle, made)
  return made
}

function announce(lifecycle: Lifecycle): Announcement {
  const { state, deprecatedAt, sunsetAt, isGoneAfterSunset, links } = lifecycle
  const sunset = sunsetAt === null ? Infinity : Date.parse(sunsetAt)
  const fields: string[] = []
  // RFC 9745: a date as a structured field, in seconds. It may lie ahead.
  if (deprecatedAt !== null)
    fields.push('deprecation', `@${Math.floor(Date.parse(deprecatedAt) / 1000)}`)
  // RFC 8594: an HTTP date.
  if (sunsetAt !== null) fields.push('sunset', new Date(sunset).toUTCString())
  const relations = [
    ['deprecation', links.deprecation],
    ['sunset', links.sunset],
    ['successor-version', links.successor],
  ] as const
  const link = relations
    .flatMap(([relation, url]) => (url === undefined ? [] : [`<${url}>; rel="${relation}"`]))
    .join(', ')
  const goneAt = state === 'retired' ? -Infinity : isGoneAfterSunset ? sunset : Infinity
  return { goneAt, fields, link: link === '' ? null : link }
}

/** Whether a version answers 410 at that instant. */
export const isGone = (lifecycle: Lifecycle | undefined, now: number): boolean =>
  lifecycle !== undefined && now >= announcementOf(lifecycle).goneAt
