import type { ServerResponse } from 'node:http'
import { TurnoutError } from '../core/errors.ts'
import type { EventRing, RingEvent } from './event-ring.ts'

/** Clients that follow events. */
export interface EventStreams {
  /**
   * Sends what came after `lastEventId` and everything that comes, until the client leaves, is too slow, or may no
   * longer (`isAllowed`).
   *
   * @throws TurnoutError TURNOUT_ADMIN_BUSY when there are too many clients
   */
  open(lastEventId: string | null, isAllowed: () => boolean): (response: ServerResponse) => void
  close(): void
}

const maxClients = 100
const maxUnsentBytes = 1024 * 1024

const textOf = ({ id, name, data }: RingEvent): string =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`

/**
 * Server-sent events. A client that was away is sent what it missed; where that is no longer known, `reset` tells it to
 * look at everything anew. A comment now and then keeps the connection and shows a client that has gone.
 */
export function createEventStreams(ring: EventRing, heartbeatMs: number): EventStreams {
  const clients = new Set<() => void>()
  const start = (
    response: ServerResponse,
    lastEventId: string | null,
    isAllowed: () => boolean,
  ): void => {
    const missed = lastEventId === null ? [] : ring.after(lastEventId)
    const send = (text: string): void => {
      response.write(text)
      // Nobody reads: what is kept for this client must not fill the memory.
      if (response.writableLength > maxUnsentBytes) response.destroy()
    }
    const reset = { id: ring.newest, name: 'reset', data: {} }
    // An id at once, so that a client that leaves before the first event can come back to here.
    send(missed === null ? textOf(reset) : `retry: 1000\nid: ${lastEventId ?? ring.newest}\n\n`)
    for (const event of missed ?? []) send(textOf(event))
    const end = (): void => {
      response.end()
    }
    const tell = (text: string): void => {
      if (isAllowed()) send(text)
      else end()
    }
    const unsubscribe = ring.subscribe((event) => tell(textOf(event)))
    const heartbeat = setInterval(() => tell(': still here\n\n'), heartbeatMs)
    clients.add(end)
    response.once('close', () => {
      clearInterval(heartbeat)
      unsubscribe()
      clients.delete(end)
    })
  }
  return {
    open: (lastEventId, isAllowed) => {
      if (clients.size >= maxClients)
        throw new TurnoutError('TURNOUT_ADMIN_BUSY', {
          reason: `${maxClients} clients follow events`,
        })
      return (response) => start(response, lastEventId, isAllowed)
    },
    close: () => {
      for (const end of clients) end()
    },
  }
}
