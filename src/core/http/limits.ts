/** What a listener takes from its clients, and for how long it waits. Times in ms, sizes in bytes. */
export interface Limits {
  readonly headersMs: number
  readonly requestMs: number
  readonly bodyBytesPerSecond: number
  readonly bodyGraceMs: number
  readonly writeIdleMs: number
  readonly keepAliveMs: number
  readonly requestsPerConnection: number
  readonly headerBytes: number
  readonly headerFields: number
  readonly targetLength: number
  readonly connections: number
  readonly connectionsPerAddress: number
  readonly pipelining: number
}

/** One limit: its default, the least and the most that may be set, and what becomes of who goes beyond. */
export interface LimitRow {
  readonly default: number
  readonly least: number
  readonly most: number
  readonly means: string
  readonly beyond: string
}

// Node's timers overflow to 1 ms above this.
const longestMs = 2_147_483_647

/** Every limit. The config, `docs/reference/limits.md` and the tests of the boundaries are made from it. */
export const limitTable: Readonly<Record<keyof Limits, LimitRow>> = {
  headersMs: {
    default: 10_000,
    least: 100,
    most: longestMs,
    means: 'time for the head of a request, from its first byte or the opening of the connection',
    beyond: '408, and the connection is closed',
  },
  requestMs: {
    default: 60_000,
    least: 0,
    most: longestMs,
    means: 'time for a whole request with its body; 0: no limit',
    beyond: '408, or where the answer has begun none, and the connection is closed',
  },
  bodyBytesPerSecond: {
    default: 1_024,
    least: 0,
    most: 1_000_000_000,
    means:
      'bytes of its body that a client sends in a second, on the average of the time that it is waited for; 0: no limit',
    beyond: '408, or where the answer has begun none, and the connection is closed',
  },
  bodyGraceMs: {
    default: 10_000,
    least: 100,
    most: longestMs,
    means: 'time for which a body may come slower than that at first',
    beyond: 'the rule of `bodyBytesPerSecond` holds',
  },
  writeIdleMs: {
    default: 30_000,
    least: 100,
    most: longestMs,
    means:
      'time in which a client takes nothing of what waits for it; a stream with nothing to say waits for nobody',
    beyond: 'the connection is cut',
  },
  keepAliveMs: {
    default: 65_000,
    least: 100,
    most: longestMs,
    means: 'time that a connection may stay open between two requests',
    beyond: 'the connection is closed',
  },
  requestsPerConnection: {
    default: 10_000,
    least: 1,
    most: Number.MAX_SAFE_INTEGER,
    means: 'requests on one connection',
    beyond: 'the last one is answered with `Connection: close`',
  },
  headerBytes: {
    default: 16_384,
    least: 1_024,
    most: 1_048_576,
    means: 'bytes of target, names and values of one request together',
    beyond: '431, and the connection is closed',
  },
  headerFields: {
    default: 100,
    least: 1,
    most: 2_000,
    means: 'fields of one request',
    beyond: '431, and the connection is closed',
  },
  targetLength: {
    default: 8_192,
    least: 1,
    most: 1_048_576,
    means: 'bytes of the target: path and query',
    beyond: '414, and the connection is closed',
  },
  connections: {
    default: 10_000,
    least: 1,
    most: 1_000_000,
    means:
      'open connections of a listener; never more than a third of the files that the process may open',
    beyond: 'a new connection is closed at once',
  },
  connectionsPerAddress: {
    default: 256,
    least: 0,
    most: 1_000_000,
    means:
      'open connections of one address, or one /64 block of version 6; not of loopback and of `trustedProxies`; 0: no limit',
    beyond: 'a new connection is closed at once',
  },
  pipelining: {
    default: 16,
    least: 1,
    most: 10_000,
    means:
      'requests of one connection that are under way or wait for their turn, where `node:http` reads them; on the fast lane one is under way, and 64 KB of what is behind it wait',
    beyond:
      '429, and the connection is closed; on the fast lane no more is read until the rest has its turn',
  },
}

/** The names of the limits, in the order of the table. */
export const limitNames: readonly (keyof Limits)[] = Object.keys(limitTable) as (keyof Limits)[]

/** Limits with every one that is not given at its default. */
export function limitsOf(
  given: { readonly [Name in keyof Limits]?: number | undefined } = {},
): Limits {
  const entries = limitNames.map((name) => [name, given[name] ?? limitTable[name].default])
  return Object.fromEntries(entries) as Limits
}
