import type { Json } from '../json.ts'
import { refuse, shown } from './input.ts'
import { parseDuration } from './duration.ts'
import { bindFields, unsupported, type Arg, type Call } from './spring-args.ts'
import { numberOf, type FilterDraft } from './spring-draft.ts'
import { bytesOf } from './spring-size.ts'
import { statusOf } from './spring-status.ts'

const rate = 'redis-rate-limiter.replenishRate'
const burst = 'redis-rate-limiter.burstCapacity'
const tokens = 'redis-rate-limiter.requestedTokens'
const names = [
  rate,
  burst,
  'perSecond',
  'burst',
  'key-resolver',
  'rate-limiter',
  tokens,
  'status-code',
  'deny-empty-key',
  'empty-key-status',
  'throw-on-limit',
]

/**
 * The limiters of Spring need Redis or a bean; here a limit is told by its numbers and counted in the instance, for each
 * client's address unless `key-resolver` names something else: `header:NAME`, `query:NAME`, `cookie:NAME`, `client`, `all`.
 */
export function draftRateLimit(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, names, 0, 0)
  if (bound === undefined) return undefined
  const limiter = bound.get('rate-limiter')
  if (limiter !== undefined)
    return unsupported(
      limiter.place,
      'RequestRateLimiter with rate-limiter',
      'it is a bean of Spring',
    )
  const thrown = bound.get('throw-on-limit')
  if (thrown !== undefined && thrown.text.trim().toLowerCase() !== 'false')
    return unsupported(
      thrown.place,
      `RequestRateLimiter with throw-on-limit ${shown(thrown.text)}`,
      'there is no handler of errors: a limit is answered',
    )
  const [perSecond, most] = [
    bound.get(rate) ?? bound.get('perSecond'),
    bound.get(burst) ?? bound.get('burst'),
  ]
  if (perSecond === undefined)
    return refuse(call.place, `RequestRateLimiter needs ${rate} or perSecond`)
  const key = keyOf(bound.get('key-resolver'))
  const status = statusFor(bound.get('status-code'), 429)
  const emptyStatus = emptyStatusOf(bound, key)
  const cost = costOf(bound.get(tokens), most)
  if (key === undefined || status === undefined) return undefined
  if (emptyStatus === undefined || cost === undefined) return undefined
  const share = (arg: Arg): Json => {
    const value = numberOf(arg.text)
    return typeof value === 'number' ? value / cost : value
  }
  return {
    filter: {
      kind: 'rate-limit',
      perSecond: share(perSecond),
      ...(most && { burst: share(most) }),
      ...(key && { key }),
      ...(status !== 429 && { status }),
      ...(emptyStatus !== null && { emptyStatus }),
    },
    places: {
      perSecond,
      burst: most,
      key: bound.get('key-resolver'),
      status: bound.get('status-code'),
      emptyStatus: bound.get('empty-key-status'),
    },
  }
}

/** Null: nothing is said, so it is the client's address. */
function keyOf(arg: Arg | undefined): Json | undefined {
  if (arg === undefined) return null
  const [, kind, name] = /^(client|all|header|query|cookie)(?::(.+))?$/.exec(arg.text.trim()) ?? []
  const isNamed = kind !== undefined && kind !== 'client' && kind !== 'all'
  if (kind !== undefined && isNamed === (name !== undefined))
    return isNamed ? { kind, name: name!.trim() } : { kind }
  return unsupported(
    arg.place,
    `RequestRateLimiter with key-resolver ${shown(arg.text)}`,
    'it is a bean of Spring; say client, all, header:NAME, query:NAME or cookie:NAME',
  )
}

function statusFor(arg: Arg | undefined, otherwise: number): number | undefined {
  const status = arg === undefined ? otherwise : statusOf(arg.text)
  if (status !== null) return status
  return refuse(arg!.place, `${shown(arg!.text)} is no name or number of a status`)
}

/** Spring refuses who has no key, unless it is told not to; a client always has an address. Null: all without share one. */
function emptyStatusOf(
  bound: ReadonlyMap<string, Arg>,
  key: Json | undefined,
): number | null | undefined {
  const deny = bound.get('deny-empty-key')
  const flag = deny?.text.trim().toLowerCase() ?? 'true'
  if (flag !== 'true' && flag !== 'false')
    return refuse(deny!.place, `deny-empty-key is true or false, not ${shown(deny!.text)}`)
  const status = statusFor(bound.get('empty-key-status'), 403)
  if (status === undefined) return undefined
  const isNamed = typeof key === 'object' && key !== null && 'name' in key
  return flag === 'true' && isNamed ? status : null
}

/** Tokens of one request: rate and capacity are that many times smaller. */
function costOf(arg: Arg | undefined, capacity: Arg | undefined): number | undefined {
  const cost = arg === undefined ? 1 : Number(arg.text.trim() || NaN)
  if (!Number.isInteger(cost) || cost < 1)
    return refuse(
      arg!.place,
      `requestedTokens is an integer of 1 and more, not ${shown(arg!.text)}`,
    )
  const most = Number(capacity?.text ?? 1)
  if (cost === 1 || (capacity !== undefined && most % cost === 0)) return cost
  return unsupported(
    arg!.place,
    `RequestRateLimiter with requestedTokens ${cost}`,
    `the capacity is counted in whole requests: say a burstCapacity that is a multiple of ${cost}`,
  )
}

/** 5 MB where it is not said. */
export function draftSize(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, ['maxSize'], 0, 0)
  if (bound === undefined) return undefined
  const arg = bound.get('maxSize')
  const bytes = arg === undefined ? 5 * 1024 ** 2 : bytesOf(arg)
  return bytes === undefined
    ? undefined
    : { filter: { kind: 'body-limit', bytes }, places: { bytes: arg } }
}

/** `LocalResponseCache=30m,500MB`; both may be left out, as both have defaults of the instance there. */
export function draftCache(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, ['timeToLive', 'size'], 0)
  if (bound === undefined) return undefined
  const [life, size] = [bound.get('timeToLive'), bound.get('size')]
  const ms = life === undefined ? undefined : parseDuration(life.text.trim())
  if (life !== undefined && ms === null)
    return refuse(life.place, `timeToLive is a duration like 30m, not ${shown(life.text)}`)
  const maxBytes = size === undefined ? undefined : bytesOf(size, 'size')
  if (size !== undefined && maxBytes === undefined) return undefined
  return {
    filter: {
      kind: 'response-cache',
      ...(typeof ms === 'number' && { timeToLiveMs: ms }),
      ...(maxBytes !== undefined && { maxBytes }),
    },
    places: { timeToLiveMs: life, maxBytes: size },
  }
}
