import type { Json } from '../json.ts'
import { readDuration } from './duration.ts'
import { readHashKey } from './hash-key-parse.ts'
import {
  fieldOf,
  hasField,
  isPrintable,
  kindOf,
  readBoolean,
  readInteger,
  readList,
  readNumber,
  readOneOf,
  readText,
  refuse,
  shown,
  type Input,
} from './input.ts'
import { nameReason } from './predicate-parse.ts'
import { readSaid, type Fields, type Read, type Said } from './said.ts'
import { maxInteger } from './selection-parse.ts'
import { pathReason } from './template.ts'
import { defaultHealthCheck, defaultSettings } from './upstream.ts'

const day = 86_400_000

const duration =
  (least = 0, most = day): Read =>
  (field) =>
    readDuration(field, nameOf(field), least, most)
const integer =
  (least: number, most: number): Read =>
  (field) =>
    readInteger(field, nameOf(field), least, most)
const number =
  (least: number, most: number): Read =>
  (field) =>
    readNumber(field, nameOf(field), least, most)
const oneOf =
  (...words: readonly string[]): Read =>
  (field) =>
    readOneOf(field, nameOf(field), words)
const flag: Read = (field) => readBoolean(field, nameOf(field))
const percent = integer(0, 100)
const count = integer(1, 1_000_000)

/** The name of a setting is what it is called in a sentence. */
const nameOf = ({ pointer }: Input): string => pointer.slice(pointer.lastIndexOf('/') + 1)

const section =
  (
    fields: Fields,
    check?: (input: Input, said: Said) => void,
    needed: readonly string[] = [],
  ): Read =>
  (input) => {
    const said = readSaid(input, nameOf(input), fields, needed)
    if (said !== undefined) check?.(input, said)
    return said
  }
/** The same, or `false` for none. */
const orFalse =
  (read: Read): Read =>
  (input) =>
    input.value === false ? false : read(input)

const sections: Fields = {
  balancer: section(
    { kind: oneOf('round-robin', 'least-request', 'ring-hash'), key: readHashKey },
    (input, { kind, key }) => {
      if (kind === 'ring-hash' && !hasField(input, 'key'))
        refuse(input, 'a ring-hash has a key, like { "kind": "client" }')
      if (kind !== 'ring-hash' && kind !== undefined && key !== undefined)
        refuse(fieldOf(input, 'key'), 'only a ring-hash has a key')
    },
    ['kind'],
  ),
  affinity: orFalse(section({ cookie: readCookie, maxAgeSeconds: integer(1, maxInteger) })),
  healthCheck: orFalse(
    section(
      {
        path: readPath,
        host: readHost,
        intervalMs: duration(100),
        timeoutMs: duration(1),
        healthyAfter: integer(1, 1_000),
        unhealthyAfter: integer(1, 1_000),
        statuses: readRanges,
      },
      (input, said) => {
        const { timeoutMs, intervalMs } = { ...defaultHealthCheck, ...said }
        if (timeoutMs > intervalMs)
          refuse(input, `timeoutMs (${timeoutMs}) is longer than intervalMs (${intervalMs})`)
      },
    ),
  ),
  outlier: orFalse(
    section({
      consecutive5xx: count,
      enforcingConsecutive5xx: percent,
      consecutiveGatewayFailure: count,
      enforcingConsecutiveGatewayFailure: percent,
      intervalMs: duration(100),
      baseEjectionTimeMs: duration(1),
      maxEjectionTimeMs: duration(1),
      maxEjectionPercent: percent,
      successRateMinimumHosts: count,
      successRateRequestVolume: count,
      successRateStdevFactor: integer(0, 1_000_000),
      enforcingSuccessRate: percent,
      failurePercentageThreshold: percent,
      failurePercentageMinimumHosts: count,
      failurePercentageRequestVolume: count,
      enforcingFailurePercentage: percent,
    }),
  ),
  slowStart: orFalse(
    section({
      windowMs: duration(1),
      aggression: number(0.01, 100),
      minWeightPercent: integer(1, 100),
    }),
  ),
  discovery: section(
    { kind: oneOf('static', 'dns'), refreshMs: duration(1_000) },
    (input, said) => {
      if (said['kind'] === 'static' && said['refreshMs'] !== undefined)
        refuse(fieldOf(input, 'refreshMs'), 'only dns has a refreshMs, not static')
    },
    ['kind'],
  ),
  pool: section({
    connections: integer(1, 65_535),
    queue: integer(0, 1_000_000),
    queueTimeoutMs: duration(1),
    idleTimeoutMs: duration(1),
    maxLifetimeMs: duration(1),
    requestsPerConnection: integer(1, maxInteger),
    leakDetectionThresholdMs: duration(),
  }),
  timeouts: section(
    { connectMs: duration(), headersMs: duration(), idleMs: duration(), totalMs: duration() },
    (input, said) => {
      const { connectMs, totalMs } = { ...defaultSettings.timeouts, ...said }
      if (totalMs > 0 && connectMs > totalMs)
        refuse(input, `connectMs (${connectMs}) is longer than totalMs (${totalMs})`)
    },
  ),
  tls: section(
    { serverName: readServerName, verify: flag, ca: readFile, cert: readFile, key: readFile },
    (input) => {
      if (hasField(input, 'cert') !== hasField(input, 'key'))
        refuse(input, 'a certificate and its key come together: cert and key')
      if (fieldOf(input, 'verify').value === false && hasField(input, 'ca'))
        refuse(fieldOf(input, 'ca'), 'a ca is for verifying, which is switched off')
    },
  ),
  breaker: orFalse(
    section({
      failureRateThreshold: number(0.01, 100),
      slowCallRateThreshold: number(0.01, 100),
      slowCallDurationThreshold: duration(1),
      slidingWindowType: oneOf('COUNT_BASED', 'TIME_BASED'),
      slidingWindowSize: integer(1, 100_000),
      minimumNumberOfCalls: count,
      waitDurationInOpenState: duration(1),
      permittedNumberOfCallsInHalfOpenState: integer(1, 100_000),
      maxWaitDurationInHalfOpenState: duration(),
      automaticTransitionFromOpenToHalfOpenEnabled: flag,
      initialState: oneOf('CLOSED', 'OPEN', 'DISABLED', 'FORCED_OPEN', 'METRICS_ONLY'),
    }),
  ),
  bulkhead: orFalse(
    section({
      maxConcurrentCalls: count,
      maxWaitDuration: duration(),
      maxWaitingCalls: integer(0, 1_000_000),
    }),
  ),
}

/** The keys of an upstream that are settings. */
export const settingKeys: readonly string[] = Object.keys(sections)

/** Reads what an upstream says of its settings, in their one shape; undefined where it says nothing. */
export function readSettings(input: Input): Said | undefined {
  const said: Record<string, Json> = {}
  for (const [key, read] of Object.entries(sections)) {
    if (!hasField(input, key)) continue
    const value = read(fieldOf(input, key))
    if (value !== undefined) said[key] = value
  }
  return Object.keys(said).length === 0 ? undefined : said
}

function readCookie(input: Input): string | undefined {
  const name = readText(input, 'the name of a cookie', 1, 256)
  const reason = name === undefined ? null : nameReason('cookie', name)
  return reason === null ? name : refuse(input, reason)
}

/** A path, perhaps with a query, that needs no escape. */
function readPath(input: Input): string | undefined {
  const text = readText(input, 'a path', 1, 2048)
  if (text === undefined) return undefined
  const at = text.indexOf('?')
  const reason =
    pathReason(at < 0 ? text : text.slice(0, at)) ??
    (/^[\x21\x24-\x7e]*$/.test(text.slice(at < 0 ? text.length : at))
      ? null
      : 'percent-encode the query')
  return reason === null ? text : refuse(input, reason)
}

/** What a `Host` field may say. */
function readHost(input: Input): string | undefined {
  const text = readText(input, 'a host', 1, 255)
  if (text === undefined) return undefined
  const isHost = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(text)
  return isHost
    ? text.toLowerCase()
    : refuse(input, `${shown(text)} is no host like example.org:81`)
}

function readServerName(input: Input): string | undefined {
  const text = readText(input, 'a serverName', 1, 253)
  if (text === undefined) return undefined
  const isName = /^[\w-]+(?:\.[\w-]+)*$/.test(text) && !/^[\d.]+$/.test(text)
  return isName ? text.toLowerCase() : refuse(input, `${shown(text)} is no name of a host`)
}

/** An absolute path: workers do not all stand in one folder. */
function readFile(input: Input): string | undefined {
  const path = readText(input, 'a file', 1, 4096)
  if (path === undefined) return undefined
  if (!isPrintable(path)) return refuse(input, 'a file has characters that do not print')
  const isAbsolute = path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path)
  return isAbsolute ? path : refuse(input, `a file is an absolute path, not ${shown(path)}`)
}

/** Numbers, and `[from, to]`. */
function readRanges(input: Input): Json | undefined {
  return readList(input, 'statuses', 1, 32)?.map((item): Json => {
    if (!Array.isArray(item.value)) {
      const status = readInteger(item, 'a status', 100, 599) ?? 0
      return [status, status]
    }
    const [from = 0, to = 0] =
      readList(item, 'a range of statuses', 2, 2)?.map((one) =>
        readInteger(one, 'a status', 100, 599),
      ) ?? []
    if (from > to) refuse(item, `${kindOf(from)} is more than ${kindOf(to)}`)
    return [from, to]
  })
}
