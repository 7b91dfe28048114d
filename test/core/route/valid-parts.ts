import { RE2JS } from 're2js'

// What valid filters, streams and settings are, said a second time. It never calls the parser.

export type Fields = Readonly<Record<string, unknown>>

export const isFields = (value: unknown): value is Fields => {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
const own = (value: Fields, key: string): unknown =>
  Object.hasOwn(value, key) ? value[key] : undefined
const has = (value: Fields, key: string): boolean => own(value, key) !== undefined
type Check = (value: unknown) => boolean

const integer =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
const number =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === 'number' && value >= least && value <= most
const text =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === 'string' && value.length >= least && value.length <= most
const word =
  (...words: readonly string[]): Check =>
  (value) =>
    words.some((one) => one === value)
const list =
  (least: number, most: number, check: Check): Check =>
  (value) =>
    Array.isArray(value) &&
    value.length >= least &&
    value.length <= most &&
    Array.from(value, check).every(Boolean)
const flag: Check = (value) => value === true || value === false
const both =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.every((check) => check(value))
const matches =
  (form: RegExp): Check =>
  (value) =>
    typeof value === 'string' && form.test(value)

/** Ms, or null where it is none. */
function msOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isInteger(value) ? value : null
  if (typeof value !== 'string' || value.length > 64) return null
  const [, amount, unit] = /^(\d{1,15})(ms|s|m|h|d)$/.exec(value) ?? []
  const sizes: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 }
  if (amount !== undefined) return Number(amount) * sizes[unit!]!
  // The one seed in ISO 8601 has seconds, and its mutations nothing else.
  const seconds = /^PT(\d{1,9}(?:\.\d{1,3})?)S$/i.exec(value)?.[1]
  return seconds === undefined ? null : Math.round(Number(seconds) * 1000)
}
const duration =
  (least: number, most = 864e5): Check =>
  (value) => {
    const ms = msOf(value)
    return ms !== null && ms >= least && ms <= most
  }

interface Shape {
  readonly fields: Readonly<Record<string, Check>>
  readonly needed?: readonly string[]
  readonly check?: (value: Fields, params: ReadonlySet<string>) => boolean
}

function fits(value: unknown, shape: Shape, params: ReadonlySet<string> = new Set()): boolean {
  const { fields, needed = [], check } = shape
  return (
    isFields(value) &&
    Object.keys(value).every((key) => Object.hasOwn(fields, key)) &&
    Object.entries(fields).every(([key, isValid]) =>
      has(value, key) ? isValid(own(value, key)) : !needed.includes(key),
    ) &&
    (check?.(value, params) ?? true)
  )
}

const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/
const framing =
  /^(?:connection|content-length|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i
const prints: Check = (value) =>
  (value as string) === (value as string).trim() &&
  !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(value as string)
const isName = both(text(1, 256), prints)
const fieldName = both(matches(token), (value) => !framing.test(value as string))
const fieldValue = both(text(0, 8192), matches(/^[\t -~\u0080-\u00ff]*$/))
const expression: Check = (value) => {
  if (typeof value !== 'string' || value === '' || value.length > 256) return false
  try {
    return RE2JS.compile(value).programSize() <= 1100
  } catch {
    return false
  }
}

/** A path that a parser of URLs leaves as it is; some harmless characters it would not escape are let through by it. */
function isPath(path: string): boolean {
  if (!/^\/[A-Za-z0-9._~!$&'()*+,;=:@/%-]*$/.test(path) || /\/\//.test(path)) return false
  if (/\/\.\.?(?:\/|$)/.test(path) || /%(?![0-9A-F]{2})|%(?:00|2F|5C)/.test(path)) return false
  if (/%(?:2[DE]|3[0-9]|4[1-9A-F]|5[0-9A]|5F|6[1-9A-F]|7[0-9A]|7E)/.test(path)) return false
  try {
    return decodeURIComponent(path) !== ''
  } catch {
    return false
  }
}

/** The template with `x` for each param, or null. */
function filled(template: string, params: ReadonlySet<string>): string | null {
  const plain = template.replaceAll('{{', '\u0001').replaceAll('}}', '\u0002')
  let isKnown = true
  const text = plain.replaceAll(/\{([\w$*]+)\}/g, (_, name: string) => {
    isKnown &&= params.has(name)
    return 'x'
  })
  return isKnown && !/[{}]/.test(text)
    ? text.replaceAll('\u0001', '{').replaceAll('\u0002', '}')
    : null
}

function isReplacement(value: Fields): boolean {
  const expression = RE2JS.compile(own(value, 'pattern') as string)
  let isGood = true
  const text = (own(value, 'replacement') as string).replaceAll(
    /\$(?:(\$)|(\d+)|\{(\w+)\})?/g,
    (_, dollar?: string, digits?: string, name?: string) => {
      const called = digits ?? name
      if (dollar === undefined && called === undefined) isGood = false
      else if (called !== undefined)
        isGood &&= /^\d+$/.test(called)
          ? Number(called) <= expression.groupCount()
          : Object.hasOwn(expression.namedGroups(), called)
      return 'x'
    },
  )
  return isGood && isPath(`/x${text}`.replaceAll(/\/+/g, '/'))
}

const isUnique = (value: unknown, plain: (text: string) => string): boolean => {
  const texts = (value as readonly string[]).map(plain)
  return new Set(texts).size === texts.length
}
const star: Check = (value) => Array.isArray(value) && value.length === 1 && value[0] === '*'
const upper = (one: string): string => one.toUpperCase()
const lower = (one: string): string => one.toLowerCase()
const methods = both(
  list(
    1,
    64,
    both(matches(token), text(1, 64), (one) => one !== '*'),
  ),
  (value) => isUnique(value, upper),
)
const names: Check = (value) =>
  star(value) ||
  (list(
    0,
    64,
    both(matches(token), (one) => !(one as string).includes('*')),
  )(value) &&
    isUnique(value, lower))
const isOrigin: Check = (value) =>
  text(1, 512)(value) &&
  /^https?:\/\/[^/?#@\\\s]+$/i.test(value as string) &&
  URL.canParse(value as string)
const origins: Check = (value) =>
  star(value) || (list(1, 64, isOrigin)(value) && isUnique(value, (one) => new URL(one).origin))
const key =
  (others: readonly string[]): Check =>
  (value) => {
    if (!isFields(value)) return false
    const kind = own(value, 'kind')
    if (others.some((one) => one === kind))
      return fits(value, {
        fields: { kind: () => true, ...(kind === 'client' && { name: () => false }) },
      })
    const name = kind === 'query' ? text(1, 1024) : matches(token)
    return fits(value, {
      fields: { kind: word('header', 'query', 'cookie'), name },
      needed: ['kind', 'name'],
    })
  }
const header = (isOfRequest: boolean, hasValue: boolean): Shape => {
  const name = both(fieldName, (one) => !isOfRequest || !/^(?:host|expect)$/i.test(one as string))
  return {
    fields: { name, ...(hasValue && { value: fieldValue }) },
    needed: ['name', ...(hasValue ? ['value'] : [])],
    check: (value, params) => !hasValue || filled(own(value, 'value') as string, params) !== null,
  }
}

const kindsOf = (isLocation: Check, isAnswer: Check, isArgs: Check): ReadonlyMap<string, Shape> =>
  new Map<string, Shape>([
    ['strip-prefix', { fields: { parts: integer(1, 64) } }],
    [
      'add-prefix',
      {
        fields: {
          prefix: both(
            text(1, 2048),
            (value) => isPath(value as string) && !(value as string).endsWith('/'),
          ),
        },
        needed: ['prefix'],
      },
    ],
    [
      'rewrite-path',
      {
        fields: { pattern: expression, replacement: text(0, 8192) },
        needed: ['pattern', 'replacement'],
        check: isReplacement,
      },
    ],
    [
      'set-path',
      {
        fields: { template: text(1, 8192) },
        needed: ['template'],
        check: (value, params) => isPath(filled(own(value, 'template') as string, params) ?? ''),
      },
    ],
    ['set-request-header', header(true, true)],
    ['add-request-header', header(true, true)],
    ['remove-request-header', header(true, false)],
    ['set-response-header', header(false, true)],
    ['add-response-header', header(false, true)],
    ['add-missing-response-header', header(false, true)],
    ['remove-response-header', header(false, false)],
    ['preserve-host', { fields: {} }],
    [
      'redirect',
      {
        fields: {
          status: (value) => [301, 302, 303, 307, 308].some((one) => one === value),
          location: isLocation,
          query: word('drop', 'append'),
        },
        needed: ['location'],
      },
    ],
    [
      'timeout',
      {
        fields: {
          connectMs: duration(0),
          headersMs: duration(0),
          idleMs: duration(0),
          totalMs: duration(0),
        },
        check: (value) =>
          ['connectMs', 'headersMs', 'idleMs', 'totalMs'].some((one) => has(value, one)),
      },
    ],
    [
      'retry',
      {
        fields: {
          retries: integer(1, 10),
          statuses: list(0, 64, (one) => word('3xx', '4xx', '5xx')(one) || integer(300, 599)(one)),
          onFailure: flag,
          methods,
          firstBackoffMs: duration(0, 6e4),
          maxBackoffMs: duration(0, 6e4),
          factor: number(1, 10),
          jitter: number(0, 1),
          budgetPercent: number(0, 1000),
        },
        check: (value) => {
          const [first, most] = [
            own(value, 'firstBackoffMs') ?? 5,
            own(value, 'maxBackoffMs') ?? 1e3,
          ]
          const statuses = own(value, 'statuses')
          const isIdle = Array.isArray(statuses) && statuses.length === 0
          return msOf(first)! <= msOf(most)! && !(isIdle && own(value, 'onFailure') === false)
        },
      },
    ],
    [
      'rate-limit',
      {
        fields: {
          perSecond: number(0.001, 1e6),
          burst: integer(1, 2 ** 31 - 1),
          key: key(['client', 'all']),
          status: integer(400, 599),
          emptyStatus: integer(400, 599),
        },
        needed: ['perSecond'],
        check: (value) => {
          const given = own(value, 'key')
          return !isFields(given) || own(given, 'kind') !== 'all' || !Object.hasOwn(given, 'name')
        },
      },
    ],
    [
      'bulkhead',
      {
        fields: {
          maxConcurrentCalls: integer(1, 1e6),
          maxWaitDuration: duration(0, 6e4),
          maxWaitingCalls: integer(0, 1e6),
        },
      },
    ],
    [
      'cors',
      {
        fields: {
          origins,
          methods: (value) => star(value) || methods(value),
          headers: names,
          exposed: names,
          credentials: flag,
          maxAgeSeconds: integer(0, 86_400),
        },
        needed: ['origins'],
        check: (value) =>
          own(value, 'credentials') !== true ||
          !['origins', 'methods', 'headers', 'exposed'].some((one) => star(own(value, one))),
      },
    ],
    ['body-limit', { fields: { bytes: integer(0, Number.MAX_SAFE_INTEGER) }, needed: ['bytes'] }],
    [
      'mirror',
      {
        fields: {
          upstream: isName,
          percent: number(0, 100),
          maxBodyBytes: integer(0, 1_048_576),
        },
        needed: ['upstream'],
      },
    ],
    [
      'fault',
      {
        fields: {
          delayMs: duration(0, 3e5),
          delayPercent: number(0, 100),
          abortStatus: integer(200, 599),
          abortPercent: number(0, 100),
        },
        check: (value) => has(value, 'abortStatus') || (msOf(own(value, 'delayMs') ?? 0) ?? 0) > 0,
      },
    ],
    [
      'fallback',
      {
        fields: { respond: isAnswer, upstream: isName },
        check: (value) => has(value, 'respond') !== has(value, 'upstream'),
      },
    ],
    [
      'module',
      {
        fields: { module: isName, name: isName, args: isArgs },
        needed: ['module', 'name'],
      },
    ],
  ])

const single = [
  'preserve-host',
  'redirect',
  'timeout',
  'retry',
  'bulkhead',
  'cors',
  'body-limit',
  'fallback',
]

/** Whether filters of our own shape are valid on a route with these params in all of its paths. */
export function areFilters(
  value: unknown,
  params: ReadonlySet<string>,
  isLocation: Check,
  isAnswer: Check,
  isArgs: Check,
): boolean {
  const kinds = kindsOf(isLocation, isAnswer, isArgs)
  const kindOf = (one: unknown): string => {
    const kind = isFields(one) ? own(one, 'kind') : null
    return typeof kind === 'string' ? kind : ''
  }
  const isFilter: Check = (one) => {
    const shape = kinds.get(kindOf(one))
    if (shape === undefined || typeof own(one as Fields, 'kind') !== 'string') return false
    return fits(one, { ...shape, fields: { kind: () => true, ...shape.fields } }, params)
  }
  return (
    list(0, 32, isFilter)(value) &&
    single.every(
      (kind) => (value as readonly unknown[]).filter((one) => kindOf(one) === kind).length <= 1,
    )
  )
}

export const isStreams: Check = (value) =>
  fits(value, {
    fields: { onChange: word('keep', 'drain', 'close'), drainMs: duration(0, 6048e5) },
    check: (streams) =>
      !has(streams, 'drainMs') ||
      ['drain', undefined].some((one) => one === own(streams, 'onChange')),
  })

const percent = integer(0, 100)
const count = integer(1, 1e6)
const off =
  (shape: Shape): Check =>
  (value) =>
    value === false || fits(value, shape)
const file = both(text(1, 4096), prints, matches(/^(?:\/|[A-Za-z]:[\\/])/))

/** Whether a setting of an upstream is valid, by key. */
export const settings: ReadonlyMap<string, Check> = new Map<string, Check>([
  [
    'balancer',
    (value) =>
      fits(value, {
        fields: { kind: word('round-robin', 'least-request', 'ring-hash'), key: key(['client']) },
        needed: ['kind'],
        check: (one) => (own(one, 'kind') === 'ring-hash') === has(one, 'key'),
      }),
  ],
  ['affinity', off({ fields: { cookie: matches(token), maxAgeSeconds: integer(1, 2 ** 31 - 1) } })],
  [
    'healthCheck',
    off({
      fields: {
        path: (value) => {
          if (!text(1, 2048)(value)) return false
          const [path = '', ...query] = (value as string).split('?')
          return isPath(path) && /^[!$-~]*$/.test(query.join('?'))
        },
        host: both(text(1, 255), matches(/^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i)),
        intervalMs: duration(100),
        timeoutMs: duration(1),
        healthyAfter: integer(1, 1000),
        unhealthyAfter: integer(1, 1000),
        statuses: list(1, 32, (one) =>
          Array.isArray(one)
            ? list(2, 2, integer(100, 599))(one) && (one[0] as number) <= (one[1] as number)
            : integer(100, 599)(one),
        ),
      },
      check: (one) => msOf(own(one, 'timeoutMs') ?? 3e3)! <= msOf(own(one, 'intervalMs') ?? 1e4)!,
    }),
  ],
  [
    'outlier',
    off({
      fields: {
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
        successRateStdevFactor: integer(0, 1e6),
        enforcingSuccessRate: percent,
        failurePercentageThreshold: percent,
        failurePercentageMinimumHosts: count,
        failurePercentageRequestVolume: count,
        enforcingFailurePercentage: percent,
      },
    }),
  ],
  [
    'slowStart',
    off({
      fields: {
        windowMs: duration(1),
        aggression: number(0.01, 100),
        minWeightPercent: integer(1, 100),
      },
    }),
  ],
  [
    'discovery',
    (value) =>
      fits(value, {
        fields: { kind: word('static', 'dns'), refreshMs: duration(1000) },
        needed: ['kind'],
        check: (one) => own(one, 'kind') === 'dns' || !has(one, 'refreshMs'),
      }),
  ],
  [
    'pool',
    (value) =>
      fits(value, {
        fields: {
          connections: integer(1, 65_535),
          queue: integer(0, 1e6),
          queueTimeoutMs: duration(1),
          idleTimeoutMs: duration(1),
          maxLifetimeMs: duration(1),
          requestsPerConnection: integer(1, 2 ** 31 - 1),
          leakDetectionThresholdMs: duration(0),
        },
      }),
  ],
  [
    'timeouts',
    (value) =>
      fits(value, {
        fields: {
          connectMs: duration(0),
          headersMs: duration(0),
          idleMs: duration(0),
          totalMs: duration(0),
        },
        check: (one) => {
          const [connect, total] = [own(one, 'connectMs') ?? 3e3, own(one, 'totalMs') ?? 6e4]
          return msOf(total) === 0 || msOf(connect)! <= msOf(total)!
        },
      }),
  ],
  [
    'tls',
    (value) =>
      fits(value, {
        fields: {
          serverName: both(
            text(1, 253),
            matches(/^[\w-]+(?:\.[\w-]+)*$/),
            (name) => !/^[\d.]+$/.test(name as string),
          ),
          verify: flag,
          ca: file,
          cert: file,
          key: file,
        },
        check: (one) =>
          has(one, 'cert') === has(one, 'key') && !(own(one, 'verify') === false && has(one, 'ca')),
      }),
  ],
  [
    'breaker',
    off({
      fields: {
        failureRateThreshold: number(0.01, 100),
        slowCallRateThreshold: number(0.01, 100),
        slowCallDurationThreshold: duration(1),
        slidingWindowType: word('COUNT_BASED', 'TIME_BASED'),
        slidingWindowSize: integer(1, 1e5),
        minimumNumberOfCalls: count,
        waitDurationInOpenState: duration(1),
        permittedNumberOfCallsInHalfOpenState: integer(1, 1e5),
        maxWaitDurationInHalfOpenState: duration(0),
        automaticTransitionFromOpenToHalfOpenEnabled: flag,
        initialState: word('CLOSED', 'OPEN', 'DISABLED', 'FORCED_OPEN', 'METRICS_ONLY'),
      },
    }),
  ],
  [
    'bulkhead',
    off({
      fields: {
        maxConcurrentCalls: count,
        maxWaitDuration: duration(0),
        maxWaitingCalls: integer(0, 1e6),
      },
    }),
  ],
])

/** Whether the arguments of one of the plain filters of Spring are valid; of the others the golden files tell. */
export function isPlainSpringFilter(
  name: string,
  args: readonly [string, string][],
  params: ReadonlySet<string>,
  bound: (fields: readonly string[]) => readonly (string | undefined)[] | null,
): boolean {
  const dashed = (value: string): string =>
    value.replaceAll(/\{([^{}]*)\}/g, (_, one: string) => `{${one.replaceAll(/[^\w$]/g, '_')}}`)
  const isHeader = (name: string | undefined, isOfRequest: boolean): boolean =>
    (name ?? '').trim() !== '' && header(isOfRequest, false).fields['name']!(name)
  const [, action, side] = /^(Add|Set|Remove)(Request|Response)Header$/.exec(name) ?? []
  if (action === 'Remove') return isHeader(bound(['name'])?.[0], side === 'Request')
  if (action !== undefined) {
    const isAdded = name === 'AddResponseHeader'
    const [header, value, override = 'true'] =
      bound(['name', 'value', ...(isAdded ? ['override'] : [])]) ?? []
    return (
      isHeader(header, side === 'Request') &&
      (value ?? '').trim() !== '' &&
      fieldValue(dashed(value!)) &&
      filled(dashed(value!), params) !== null &&
      ['true', 'false'].includes(override.trim().toLowerCase())
    )
  }
  if (name === 'StripPrefix') {
    const parts = bound(['parts'])
    const text = parts?.[0]
    if (parts === null || text === undefined) return parts !== null
    return /^[+-]?\d{1,15}(?:\.\d{1,15})?$/.test(text.trim()) && integer(1, 64)(Number(text))
  }
  if (name === 'RequestSize')
    return (
      args.length === 0 ||
      (args.length === 1 &&
        args[0]![0].toLowerCase().replaceAll(/[-_]/g, '') === 'maxsize' &&
        /^\d{1,12}(?:|B|KB|MB|GB)$/.test(args[0]![1].trim()) &&
        Number.isSafeInteger(
          Number.parseInt(args[0]![1], 10) *
            1024 **
              ['', 'B', 'KB', 'MB', 'GB'].map((one) =>
                Math.max(0, ['B', 'KB', 'MB', 'GB'].indexOf(one)),
              )[['', 'B', 'KB', 'MB', 'GB'].indexOf(args[0]![1].trim().replace(/^\d+/, ''))]!,
        ))
    )
  return name === 'PreserveHostHeader' && args.length === 0
}
