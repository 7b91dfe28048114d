import type { RolloutItem } from '../../admin/answers.ts'
import type { AdminClient } from '../../admin/client.ts'
import { TurnoutError } from '../../core/errors.ts'
import { isOver } from '../../core/rollout/rollout.ts'
import { demand } from './reach.ts'

/** Without news for so long it is asked for. */
const silenceMs = 2_000
/** An instance that starts anew is waited for so long. */
const patienceMs = 60_000

/**
 * A rollout now and whenever it changes, until it is over, another of its name began, or `signal` says so. Events tell;
 * what they do not is asked for. A restart of the instance is waited for.
 */
export async function* watchRollout(
  client: AdminClient,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<RolloutItem, void, void> {
  const ending = new AbortController()
  const events = client.follow({ signal: AbortSignal.any([signal, ending.signal]) })
  const look = async (): Promise<RolloutItem> =>
    (await demand(client.getRollout({ params: { id } }))).body
  try {
    let next = events.next()
    // Refused before it is waited for, it must not end the process.
    next.catch(() => undefined)
    let last = await look()
    let heardAt = Date.now()
    yield last
    while (!isOver(last) && !signal.aborted) {
      const event = await within(next, silenceMs).catch(async (error: unknown) => {
        // Events end with a bare code; what is asked is refused with all that is to be said.
        await look()
        throw error
      })
      if (event?.done === true) return
      let news: RolloutItem | null = null
      if (event === null || event.value?.name === 'reset') {
        news = await look().catch((error: unknown) => {
          if (isUnreached(error) && Date.now() - heardAt < patienceMs) return null
          throw error
        })
      } else if (event.value.name === 'rollout') {
        const told = event.value.data as RolloutItem
        if (told.id === id) news = told
      }
      if (event !== null) {
        next = events.next()
        next.catch(() => undefined)
      }
      if (news === null) continue
      heardAt = Date.now()
      if (news.startedAt !== last.startedAt) return
      // An event may have waited while a newer state was asked for.
      if (news.revision < last.revision) continue
      last = news
      yield last
    }
  } finally {
    ending.abort()
  }
}

const isUnreached = (error: unknown): boolean =>
  error instanceof TurnoutError && error.code === 'TURNOUT_ADMIN_UNREACHABLE'

/** What comes of a promise within a time; null: nothing yet. */
function within<Value>(promise: Promise<Value>, ms: number): Promise<Value | null> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(null), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
