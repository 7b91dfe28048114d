import { refuse, shown } from './input.ts'
import { parseDuration } from './duration.ts'
import { bindFields, unsupported, type Call } from './spring-args.ts'
import { numberOf, type FilterDraft } from './spring-draft.ts'
import { statusOf } from './spring-status.ts'

/** The limiters of Spring need Redis or a bean; here a limit is told by its numbers, and counted for each client. */
export function draftRateLimit(call: Call): FilterDraft | undefined {
  const rate = 'redis-rate-limiter.replenishRate'
  const burst = 'redis-rate-limiter.burstCapacity'
  const one = 'redis-rate-limiter.requestedTokens'
  const fixed: ReadonlyMap<string, string> = new Map([
    [one, '1'],
    ['status-code', 'TOO_MANY_REQUESTS'],
    ['deny-empty-key', 'true'],
    ['empty-key-status', 'FORBIDDEN'],
    ['throw-on-limit', 'false'],
  ])
  const names = [rate, burst, 'perSecond', 'burst', 'key-resolver', 'rate-limiter', ...fixed.keys()]
  const bound = bindFields(call, names, 0, 0)
  if (bound === undefined) return undefined
  for (const name of ['key-resolver', 'rate-limiter']) {
    const bean = bound.get(name)
    if (bean !== undefined)
      return unsupported(bean.place, `RequestRateLimiter with ${name}`, 'it is a bean of Spring')
  }
  for (const [name, only] of fixed) {
    const arg = bound.get(name)
    if (arg === undefined) continue
    const text = arg.text.trim()
    if (text !== only && text.toUpperCase() !== only && statusOf(text) !== (statusOf(only) ?? 0))
      return unsupported(
        arg.place,
        `RequestRateLimiter with ${name} ${shown(text)}`,
        `it is ${only}`,
      )
  }
  const [perSecond, most] = [
    bound.get(rate) ?? bound.get('perSecond'),
    bound.get(burst) ?? bound.get('burst'),
  ]
  if (perSecond === undefined)
    return refuse(call.place, `RequestRateLimiter needs ${rate} or perSecond`)
  return {
    filter: {
      kind: 'rate-limit',
      perSecond: numberOf(perSecond.text),
      ...(most && { burst: numberOf(most.text) }),
    },
    places: { perSecond, burst: most },
  }
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
}

/** `5MB`, or bytes; 5 MB where it is not said. */
export function draftSize(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, ['maxSize'], 0, 0)
  if (bound === undefined) return undefined
  const arg = bound.get('maxSize')
  const [, amount, unit = ''] = /^(\d{1,12})(|B|KB|MB|GB)$/.exec(arg?.text.trim() ?? '5MB') ?? []
  if (amount === undefined)
    return refuse(arg!.place, `maxSize is bytes or a size like 5MB, not ${shown(arg!.text)}`)
  const bytes = Number(amount) * (units[unit] ?? 1)
  return { filter: { kind: 'body-limit', bytes }, places: { bytes: arg } }
}

/** `LocalResponseCache=30m,500MB`; both may be left out, as both have defaults of the instance there. */
export function draftCache(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, ['timeToLive', 'size'], 0)
  if (bound === undefined) return undefined
  const [life, size] = [bound.get('timeToLive'), bound.get('size')]
  const ms = life === undefined ? undefined : parseDuration(life.text.trim())
  if (life !== undefined && ms === null)
    return refuse(life.place, `timeToLive is a duration like 30m, not ${shown(life.text)}`)
  const [, amount, unit = ''] = /^(\d{1,12})(|B|KB|MB|GB)$/.exec(size?.text.trim() ?? '') ?? []
  if (size !== undefined && amount === undefined)
    return refuse(size.place, `size is bytes or a size like 500MB, not ${shown(size.text)}`)
  return {
    filter: {
      kind: 'response-cache',
      ...(typeof ms === 'number' && { timeToLiveMs: ms }),
      ...(amount !== undefined && { maxBytes: Number(amount) * (units[unit] ?? 1) }),
    },
    places: { timeToLiveMs: life, maxBytes: size },
  }
}
