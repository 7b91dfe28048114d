import type { IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { TurnoutError } from '../core/errors.ts'
import { exchange, send, type ClientOptions } from './client-request.ts'
import { operations } from './operations.ts'

/** Something that happened. `reset`: what was missed is not known, so everything has to be looked at anew. */
export interface ServerEvent {
  readonly id: string
  readonly name: string
  readonly data: unknown
}

export interface FollowOptions {
  /** Goes on after this event. */
  readonly lastEventId?: string
  readonly signal?: AbortSignal
}

const retryMs = 1_000
const maxEvent = 4 * 1024 * 1024

/** Fields of one event as they come in. */
interface Draft {
  id: string | null
  name: string
  data: string[]
}

/**
 * Events of an instance, for as long as it is asked. A broken connection is made anew and goes on after the last event;
 * what the instance refuses (a wrong token) is thrown.
 */
export async function* followEvents(
  options: ClientOptions,
  { lastEventId, signal }: FollowOptions,
): AsyncGenerator<ServerEvent, void, void> {
  let last = lastEventId ?? null
  const isWanted = (): boolean => signal?.aborted !== true
  while (isWanted()) {
    try {
      for await (const { id, event } of readEvents(await connect(options, last, signal))) {
        last = id ?? last
        if (event !== null) yield event
      }
    } catch (error) {
      const isRefused = error instanceof TurnoutError && error.code !== 'TURNOUT_ADMIN_UNREACHABLE'
      if (isRefused && isWanted()) throw error
    }
    await wait(retryMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
  }
}

const connect = async (
  options: ClientOptions,
  last: string | null,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> => {
  const { method, path } = operations.events
  const headers: Record<string, string> = last === null ? {} : { 'last-event-id': last }
  const sent = { headers, body: null, signal: signal ?? null }
  const answer = await send(options, method, path, sent)
  if (answer.statusCode === 200) return answer
  answer.destroy()
  // Asked again for its problem, which an answer to a stream need not have kept whole.
  const { status, text } = await exchange(options, method, path, sent)
  const { code, detail } = JSON.parse(text) as { readonly code: never; readonly detail: string }
  if (status === 503 || status === 429) throw new Error(detail)
  throw TurnoutError.of({ code, message: detail })
}

/** Reads `text/event-stream`; an id without an event is a place to go on from. */
async function* readEvents(
  answer: IncomingMessage,
): AsyncGenerator<{ readonly id: string | null; readonly event: ServerEvent | null }> {
  let rest = ''
  let draft: Draft = { id: null, name: 'message', data: [] }
  answer.setEncoding('utf8')
  for await (const chunk of answer as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    if (rest.length > maxEvent) throw new Error('an event without an end')
    for (const line of lines) {
      if (line !== '') {
        readField(draft, line)
        continue
      }
      const { id, name, data } = draft
      const event =
        data.length === 0
          ? null
          : { id: id ?? '', name, data: JSON.parse(data.join('\n')) as unknown }
      yield { id, event }
      draft = { id: null, name: 'message', data: [] }
    }
  }
}

const readField = (draft: Draft, line: string): void => {
  const [, name, value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? []
  if (name === 'id') draft.id = value
  else if (name === 'event') draft.name = value
  else if (name === 'data') draft.data.push(value)
}
