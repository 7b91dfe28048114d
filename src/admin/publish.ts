import type { AppliedChange, ChangeItem, ChangeSet, Outcome } from '../control/change.ts'
import type { Table } from '../core/route/table.ts'
import { adminOwner, type AdminContext } from './context.ts'
import { parseDuration } from './duration.ts'
import type { Identity } from './identity.ts'
import { refusalOf } from './refusal.ts'
import type { ChangeQuery } from './schemas.ts'

/** What a change came to. */
export interface Published {
  /** The revision that serves it. */
  readonly revision: number
  readonly isChanged: boolean
  readonly changes: readonly AppliedChange[]
}

/** Who changes what; `items` is called with the newest table, where nothing else can come between. */
export interface Wanted {
  readonly context: AdminContext
  readonly identity: Identity
  readonly query: ChangeQuery
  /** Where the query names none. */
  readonly reason: string
  readonly items: (table: Table) => readonly ChangeItem[]
}

/** The change set of a request: all or nothing. */
export function changeSetOf({ identity, query, reason, items }: Wanted): ChangeSet {
  const within = query.confirmWithin === undefined ? null : parseDuration(query.confirmWithin)
  return {
    author: identity.name,
    reason: query.reason ?? reason,
    isPartial: false,
    isReasoned: query.reason !== undefined,
    items,
    ...(within === null ? {} : { confirmWithinMs: within }),
  }
}

/** Walks the road of a change. Resolves when what starts from now on is served by it; rejects with a TurnoutError. */
export async function publish(wanted: Wanted): Promise<Published> {
  return publishedOf(wanted.context, await wanted.context.control.change(changeSetOf(wanted)))
}

/** @throws TurnoutError with every problem when it was rejected */
export function publishedOf(context: AdminContext, outcome: Outcome): Published {
  const { revision, rejections } = outcome
  const problems = rejections.flatMap((rejection) => rejection.problems)
  if (rejections.length > 0 && revision === null) throw refusalOf(problems)
  return {
    revision: revision?.number ?? context.control.current.revision.number,
    isChanged: revision !== null,
    changes: revision?.changes ?? [],
  }
}

/** Single objects that are put, removed or switched. */
export type Edit = Extract<ChangeItem, { readonly kind: 'edit' }>

/** An edit of what the API owns. */
export function editOf(part: Partial<Omit<Edit, 'kind' | 'owner'>>): Edit {
  return {
    kind: 'edit',
    owner: adminOwner,
    putRoutes: [],
    removeRoutes: [],
    putUpstreams: [],
    removeUpstreams: [],
    switches: [],
    ...part,
  }
}
