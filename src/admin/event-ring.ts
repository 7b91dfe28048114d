import { randomBytes } from 'node:crypto'
import type { Json } from '../core/json.ts'

/** Something that happened: `applied`, `rejected`, `retired`, `upstream`, `source`, `rollout`, `probation`, `worker`, `offence`, `resource`, `leak`. */
export interface AdminEvent {
  readonly name: string
  readonly data: Json
}

/** An event as it is sent. The id names this start and counts from 1. */
export interface RingEvent extends AdminEvent {
  readonly id: string
}

/** The newest events, for clients that come back. Bounded. */
export interface EventRing {
  add(event: AdminEvent): void
  /** Those after an id, oldest first; null: they are no longer kept, or the id is of another start. */
  after(id: string): readonly RingEvent[] | null
  /** Id of the newest. */
  readonly newest: string
  /** Returns the function that ends it. */
  subscribe(listener: (event: RingEvent) => void): () => void
}

const maxEvents = 1_000

export function createEventRing(keep: number = maxEvents): EventRing {
  const start = randomBytes(6).toString('hex')
  const events: RingEvent[] = []
  const listeners = new Set<(event: RingEvent) => void>()
  let count = 0
  const idOf = (number: number): string => `${start}-${number}`
  return {
    add: ({ name, data }) => {
      count += 1
      const event = { id: idOf(count), name, data }
      events.push(event)
      if (events.length > keep) events.shift()
      for (const listener of listeners) listener(event)
    },
    after: (id) => {
      const [, of, text] = /^([0-9a-f]{12})-(\d{1,15})$/.exec(id) ?? []
      const number = Number(text)
      const oldest = count - events.length
      if (of !== start || number > count || number < oldest) return null
      return events.slice(number - oldest)
    },
    get newest() {
      return idOf(count)
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
