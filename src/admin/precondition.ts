import { TurnoutError } from '../core/errors.ts'
import { refusal } from './refusal.ts'

/** What a request demands of the item that it is about. */
export interface Match {
  /** Revisions of `If-Match`; `any`: `*`; null: the field is not there. */
  readonly only: readonly number[] | 'any' | null
  /** `If-None-Match: *`: only if there is no such item. */
  readonly isNew: boolean
  /** Revisions of `If-None-Match`: what the client has already. */
  readonly except: readonly number[]
}

export const noMatch: Match = { only: null, isNew: false, except: [] }

/** The ETag of an item. */
export const entityTag = (revision: number): string => `"${revision}"`

/** Reads both fields. @throws TurnoutError TURNOUT_HEADER_INVALID */
export function readMatch(ifMatch: string | undefined, ifNoneMatch: string | undefined): Match {
  const only = ifMatch === undefined ? null : readTags('If-Match', ifMatch)
  const none = ifNoneMatch === undefined ? [] : readTags('If-None-Match', ifNoneMatch)
  return { only, isNew: none === 'any', except: none === 'any' ? [] : none }
}

/** Tags that are weak, or of no revision, are well-formed and match nothing. */
const readTags = (field: string, text: string): readonly number[] | 'any' => {
  if (text.trim() === '*') return 'any'
  const tags = text.split(',').map((tag) => tag.trim())
  if (tags.length > 100 || !tags.every((tag) => /^(?:W\/)?"[!#-~]*"$/.test(tag)))
    throw new TurnoutError('TURNOUT_HEADER_INVALID', { field, reason: 'expected "REVISION" or *' })
  return tags.flatMap((tag) => (/^"\d{1,15}"$/.test(tag) ? [Number(tag.slice(1, -1))] : []))
}

/** An item as a precondition sees it. */
export interface Known {
  readonly id: string
  readonly owner: string
  readonly revision: number
}

/**
 * Whether an item that is there may be changed by who looked at `match`. Called with the newest table, where nothing
 * else can come between.
 *
 * @throws TurnoutError TURNOUT_ITEM_CHANGED or TURNOUT_MATCH_MISSING, with the ETag that it has
 */
export function demandMatch({ id, revision }: Known, match: Match, isForced: boolean): void {
  const headers = { etag: entityTag(revision) }
  if (match.isNew) throw refusal('TURNOUT_ITEM_CHANGED', { id, revision }, headers)
  if (match.only === null) {
    if (!isForced) throw refusal('TURNOUT_MATCH_MISSING', { id, revision }, headers)
  } else if (match.only !== 'any' && !match.only.includes(revision)) {
    throw refusal('TURNOUT_ITEM_CHANGED', { id, revision }, headers)
  }
}

/** Items of others are not edited. @throws TurnoutError TURNOUT_OWNER_DIFFERS */
export function demandOwner({ id, owner }: Known, own: string): void {
  if (owner !== own) throw new TurnoutError('TURNOUT_OWNER_DIFFERS', { item: id, owner })
}
