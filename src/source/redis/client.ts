import { TurnoutError } from '../../core/errors.ts'
import { thrownMessage } from '../../core/thrown.ts'

/** What is used of a client of `@redis/client`; no other type of it is known here. */
export interface RedisClient {
  connect(): Promise<unknown>
  sendCommand(words: readonly string[]): Promise<unknown>
  subscribe(channels: readonly string[], listener: () => void): Promise<unknown>
  unsubscribe(channels: readonly string[]): Promise<unknown>
  /** Ends at once, with what is under way. */
  destroy(): void
  unref(): void
  on(event: 'connect' | 'error' | 'end', listener: (error?: unknown) => void): unknown
}

export type CreateRedisClient = (url: string, connectMs: number) => RedisClient

interface Package {
  createClient(options: object): RedisClient
}

/**
 * Loads the optional peer, where rules from Redis are configured.
 *
 * @throws TurnoutError TURNOUT_REDIS_CLIENT_MISSING
 */
export async function loadRedisClient(name = '@redis/client'): Promise<CreateRedisClient> {
  let loaded: Package
  try {
    // By a variable: its types are not ours, and it may not be there.
    loaded = (await import(name)) as Package
  } catch (error) {
    const reason = thrownMessage(error).split('\n', 1)[0]!
    throw new TurnoutError('TURNOUT_REDIS_CLIENT_MISSING', { reason }, { cause: error })
  }
  return (url, connectMs) =>
    loaded.createClient({
      url,
      // Of protocol 2 every answer has one shape in all versions of client and server.
      RESP: 2,
      maintNotifications: 'disabled',
      // A command that cannot be sent fails at once, and we connect again ourselves, with our own back-off.
      disableOfflineQueue: true,
      socket: { connectTimeout: connectMs, reconnectStrategy: false },
    })
}
