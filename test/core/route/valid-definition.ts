import { RE2JS } from 're2js'
import semver from 'semver'
import {
  areFilters,
  isFields,
  isPlainSpringFilter,
  isStreams,
  settings,
  type Fields,
} from './valid-parts.ts'

// What a valid definition is, said a second time: the oracle of the mutation tests. It never calls the parser.

const own = (value: Fields, key: string): unknown =>
  Object.hasOwn(value, key) ? value[key] : undefined
const has = (value: Fields, key: string): boolean => own(value, key) !== undefined
const onlyHas = (value: unknown, keys: readonly string[]): value is Fields =>
  isFields(value) && Object.keys(value).every((key) => keys.includes(key))
const isOptional = (value: Fields, key: string, isValid: (item: unknown) => boolean): boolean =>
  !has(value, key) || isValid(own(value, key))
const isText = (value: unknown, least: number, most: number): value is string =>
  typeof value === 'string' && value.length >= least && value.length <= most
const isList = (
  value: unknown,
  least: number,
  most: number,
  isValid: (item: unknown) => boolean = () => true,
): value is readonly unknown[] =>
  Array.isArray(value) &&
  value.length >= least &&
  value.length <= most &&
  Array.from(value, isValid).every(Boolean)
const isInteger = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most
const isBoolean = (value: unknown): boolean => value === true || value === false
const bad = ['__proto__', 'constructor', 'prototype']

const prints = (text: string): boolean =>
  text === text.trim() && /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u.test(text)
const isName = (value: unknown): value is string => isText(value, 1, 256) && prints(value)
const isId = (value: unknown): boolean => isName(value) && !['.', '..'].includes(value)

function isJson(value: unknown, depth: number): boolean {
  if (value === null || ['string', 'boolean'].includes(typeof value)) return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (depth === 0 || (!Array.isArray(value) && !isFields(value))) return false
  if (Array.isArray(value)) return Array.from(value).every((item) => isJson(item, depth - 1))
  return Object.entries(value).every(([key, item]) => !bad.includes(key) && isJson(item, depth - 1))
}
const isSmallJson = (value: unknown, depth: number, size: number): boolean =>
  isJson(value, depth) && JSON.stringify(value).length <= size
const isMetadata = (value: unknown): boolean => isFields(value) && isSmallJson(value, 16, 16_384)

const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/
const max = 2 ** 31 - 1
const isOrder = (value: unknown): boolean => isInteger(value, -max - 1, max)

function isExpression(source: string): boolean {
  if (source === '' || source.length > 256) return false
  try {
    return RE2JS.compile(source).programSize() <= 1100
  } catch {
    return false
  }
}

/** The place of one of our patterns, or null. */
function placeOf(text: unknown): string | null {
  if (typeof text !== 'string' || text[0] !== '/' || text.length > 2048) return null
  const names: string[] = []
  const place: string[] = []
  let rest = text.slice(1)
  for (;;) {
    const size = rest.startsWith(':') ? sizeOfParam(rest) : (rest + '/').indexOf('/')
    const segment = rest.slice(0, size)
    const isLast = size >= rest.length
    const [, sign, name, , source] = /^([:*])([A-Za-z_$][\w$]*)?(\((.*)\))?$/s.exec(segment) ?? []
    if (sign === undefined) {
      if (segment === '' ? !isLast : !isStatic(segment)) return null
      place.push(segment === '' ? '' : decodeURIComponent(segment))
    } else if (sign === '*') {
      if (!isLast || source !== undefined) return null
      names.push(name ?? '*')
      place.push('\n*')
    } else {
      if (name === undefined || (source !== undefined && !isExpression(source))) return null
      names.push(name)
      place.push(`\n:${source ?? ''}`)
    }
    if (isLast) break
    rest = rest.slice(size + 1)
  }
  const isNamed = new Set(names).size === names.length && !names.includes('__proto__')
  return isNamed && names.length <= 32 ? place.join('/') : null
}

/** Names of the params that all of these patterns have. */
function paramsOf(paths: readonly string[]): ReadonlySet<string> {
  const lists = paths.map((path) =>
    path
      .split('/')
      .flatMap((segment) => /^(?::([A-Za-z_$][\w$]*)|\*([\w$]*))/.exec(segment)?.slice(1) ?? [])
      .flatMap((name, at) =>
        name === undefined ? [] : [name === '' && at % 2 === 1 ? '*' : name],
      ),
  )
  return new Set((lists[0] ?? []).filter((name) => lists.every((list) => list.includes(name))))
}

/** A slash in parentheses is part of a constraint. */
function sizeOfParam(text: string): number {
  const outside = text.replaceAll(/\\./gs, '..')
  let depth = 0
  let isClass = false
  for (const [at, char] of Array.from(outside).entries()) {
    if (isClass) isClass = char !== ']'
    else if (char === '[' && depth > 0) isClass = true
    else if (char === '(') depth += 1
    else if (char === ')') depth -= 1
    else if (char === '/' && depth <= 0) return at
  }
  return text.length
}

function isStatic(segment: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  if (/[:*{}?#\\\u0000-\u001f\u007f]/.test(segment) || /%(?:00|2f|5c)/i.test(segment)) return false
  try {
    encodeURIComponent(segment)
    return !['.', '..'].includes(decodeURIComponent(segment))
  } catch {
    return false
  }
}

function isSocket(text: string): boolean {
  const names = text.slice('unix:/'.length).split('/')
  return (
    /^unix:\/[!-~]{1,102}$/i.test(text) &&
    !/[\\?#%]/.test(text) &&
    names.every((name) => !['', '.', '..'].includes(name)) &&
    !/(?:docker|podman|containerd|crio)\.sock$|libvirt-sock$/.test(names.at(-1)!)
  )
}

function isOrigin(value: unknown, mayHavePath: boolean): boolean {
  if (isText(value, 1, 2048) && /^unix:/i.test(value)) return isSocket(value)
  if (!isText(value, 1, 2048) || !/^https?:\/\/[^/?#@\\][^#@\\]*$/i.test(value)) {
    // An at sign is harmless behind the host.
    if (!isText(value, 1, 2048) || !/^https?:\/\/[^/?#@\\]+[/?][^#\\]*$/i.test(value)) return false
  }
  if (!/^[!-~]+$/.test(value) || !URL.canParse(value)) return false
  const { hostname, port, pathname, search } = new URL(value)
  // A name that DNS could hold.
  if (!/^[^.]{0,63}(?:\.[^.]{0,63})*$/.test(hostname) || hostname.length > 254) return false
  if (hostname.length === 254 && !hostname.endsWith('.')) return false
  if (port === '0' || (!mayHavePath && (pathname !== '/' || search !== ''))) return false
  const isMeta = /^(?:metadata(?:\.goog|\.google\.internal)?|instance-data(?:\.ec2\.internal)?)\.?$/
  const isFar = /^(?:0\.|169\.254\.|100\.100\.100\.200$|168\.63\.129\.16$|192\.0\.0\.192$)/
  // An address of version 4 inside one of version 6; ::1 is no such.
  const inner = /^\[(?:::ffff:|64:ff9b::|::)(?:(\w+):)?(\w+)\]$/.exec(hostname)?.slice(1)
  const bytes = inner?.flatMap((group) => {
    const number = Number.parseInt(group ?? '0', 16)
    return [number >> 8, number & 255]
  })
  const four = hostname === '[::1]' ? null : bytes?.join('.')
  const isAddress = four !== undefined || /^[\d.]+$/.test(hostname)
  const isFar6 = /^\[(?:::|fe[89ab]\w:.*|fd00:ec2::254|fd20:ce::254)\]$/
  return (
    !isMeta.test(hostname) && !(isAddress && isFar.test(four ?? hostname)) && !isFar6.test(hostname)
  )
}

function isHost(value: unknown): boolean {
  if (!isText(value, 1, 255)) return false
  const name = value.replace(/\.$/, '')
  if (/^\[[\da-f:.]+\]$/i.test(name)) return true
  const plain = name.replaceAll(/\{[A-Za-z_]\w*\}/g, '*')
  // As many signs as this may be too long a regular expression; none of the seeds comes near.
  return /^[\w*?-]+(?:\.[\w*?-]+)*$/.test(plain) && (plain.match(/[*?]/g)?.length ?? 0) < 20
}

function isSource(value: unknown): boolean {
  if (!isText(value, 1, 64) || !/^[\d.:/A-Fa-f]+$/.test(value)) return false
  const [, address = '', size] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(value) ?? []
  const isFour = /^(?:(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])(?:\.(?!$)|$)){4}$/.test(address)
  const isSix = address.includes(':') && URL.canParse(`http://[${address}]`)
  const isMapped = isSix && new URL(`http://[${address}]`).hostname.startsWith('[::ffff:')
  const bits = Number(size ?? 128)
  return (
    (isFour && (size === undefined || bits <= 32)) ||
    (isSix && bits <= 128 && (!isMapped || bits >= 96))
  )
}

function timeOf(value: unknown): number {
  const form =
    /^(\d{4}-\d\d-(\d\d))T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:0\d|1[0-8]):[0-5]\d)$/
  if (!isText(value, 1, 64)) return Number.NaN
  const [match, date = '', day] = form.exec(value) ?? []
  const isDay = new Date(`${date}T00:00Z`).getUTCDate() === Number(day)
  return match !== undefined && isDay ? Date.parse(value) : Number.NaN
}

function isSentValue(kind: unknown, text: string): boolean {
  if (kind === 'query') return true
  const isLatin = Array.from(text).every((char) => /^[\t -~\u0080-\u00ff]$/.test(char))
  return isLatin && !/^[\t ]|[\t ]$/.test(text) && (kind === 'header' || !text.includes(';'))
}

const isFieldName = (kind: unknown, name: unknown): name is string =>
  isText(name, 1, kind === 'query' ? 1024 : 256) && (kind === 'query' || token.test(name))

function isPredicate(value: unknown): boolean {
  if (!isFields(value)) return false
  const kind = own(value, 'kind')
  switch (kind) {
    case 'host':
      return onlyHas(value, ['kind', 'patterns']) && isList(own(value, 'patterns'), 1, 32, isHost)
    case 'header':
    case 'query':
    case 'cookie':
      return (
        onlyHas(value, ['kind', 'name', 'equals', 'matches']) &&
        isFieldName(kind, own(value, 'name')) &&
        !(has(value, 'equals') && has(value, 'matches')) &&
        isOptional(value, 'equals', (text) => isText(text, 0, 1024) && isSentValue(kind, text)) &&
        isOptional(value, 'matches', (text) => typeof text === 'string' && isExpression(text))
      )
    case 'time': {
      const [from, until] = ['from', 'until'].map((key) =>
        has(value, key) ? timeOf(own(value, key)) : null,
      )
      if (!onlyHas(value, ['kind', 'from', 'until']) || (from === null && until === null))
        return false
      return from === null || until === null ? !Number.isNaN(from ?? until) : from! < until!
    }
    case 'client':
      return (
        onlyHas(value, ['kind', 'sources', 'trusted']) &&
        isList(own(value, 'sources'), 1, 32, isSource) &&
        isOptional(value, 'trusted', (count) => isInteger(count, 1, 32))
      )
    default:
      return false
  }
}

function isTarget(value: unknown): boolean {
  if (!onlyHas(value, ['upstream', 'uri', 'respond', 'redirect', 'subset'])) return false
  if (has(value, 'subset') && !(has(value, 'upstream') && isSubset(own(value, 'subset'))))
    return false
  const kinds = Object.keys(value).filter((key) => has(value, key) && key !== 'subset')
  const part = own(value, kinds[0] ?? '')
  if (kinds.length !== 1) return false
  if (kinds[0] === 'upstream') return isName(part)
  if (kinds[0] === 'uri') return isOrigin(part, false)
  if (kinds[0] === 'redirect') {
    const status = isFields(part) && has(part, 'status') ? own(part, 'status') : 302
    return (
      onlyHas(part, ['status', 'location']) &&
      [301, 302, 303, 307, 308].some((one) => one === status) &&
      isLocation(own(part, 'location'))
    )
  }
  return isAnswer(part)
}

const isSubset = (value: unknown): boolean => {
  if (!isLabels(value)) return false
  const labels = value as Fields
  const version = own(labels, 'version')
  const isRange =
    typeof version !== 'string' || (version.trim() !== '' && semver.validRange(version) !== null)
  return Object.keys(labels).length > 0 && isRange
}

function isAnswer(part: unknown): boolean {
  if (!onlyHas(part, ['status', 'headers', 'body'])) return false
  const body = has(part, 'body') ? own(part, 'body') : ''
  const isBodiless = [204, 205, 304].some((one) => one === own(part, 'status'))
  return (
    isInteger(own(part, 'status'), 200, 599) &&
    isText(body, 0, isBodiless ? 0 : 65_536) &&
    isOptional(part, 'headers', areHeaders)
  )
}

function areHeaders(value: unknown): boolean {
  if (!isFields(value)) return false
  const names = Object.keys(value).map((name) => name.toLowerCase())
  const framing =
    /^(?:connection|content-length|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/
  return (
    names.length <= 64 &&
    new Set(names).size === names.length &&
    Object.keys(value).every((key) => !bad.includes(key)) &&
    names.every((name) => name.length <= 256 && token.test(name) && !framing.test(name)) &&
    Object.values(value).every(
      (text) => isText(text, 0, 8192) && /^[\t -~\u0080-\u00ff]*$/.test(text),
    )
  )
}

function isLocation(value: unknown): boolean {
  if (!isText(value, 1, 2048) || !/^[!-~]+$/.test(value) || /["<>\\^`{|}]/.test(value)) return false
  if (value.startsWith('/')) return value[1] !== '/'
  return (
    /^https?:\/\/[^/?#]/i.test(value) && URL.canParse(value) && !/^[^/]*\/\/[^/?#]*@/.test(value)
  )
}

const isVersion = (value: unknown): boolean =>
  isText(value, 1, 257) && semver.valid(value.replace(/\+$/, '')) === value.replace(/\+$/, '')

const isLabels = (value: unknown): boolean =>
  isFields(value) &&
  Object.keys(value).length <= 32 &&
  Object.entries(value).every(
    ([key, text]) =>
      !bad.includes(key) &&
      /^[A-Za-z\d][\w./-]{0,63}$/.test(key) &&
      isText(text, 1, 256) &&
      prints(text),
  )

const isWeight = (value: unknown): boolean =>
  typeof value === 'number'
    ? isInteger(value, 0, max)
    : onlyHas(value, ['group', 'weight', 'side', 'key', 'cohort', 'absent']) &&
      isName(own(value, 'group')) &&
      isInteger(own(value, 'weight'), 0, max) &&
      isOptional(value, 'side', isName) &&
      isOptional(value, 'key', isKey) &&
      isOptional(
        value,
        'cohort',
        (cohort) =>
          onlyHas(cohort, ['predicates', 'weight']) &&
          isList(own(cohort, 'predicates'), 1, 32, isPredicate) &&
          isInteger(own(cohort, 'weight'), 0, max),
      ) &&
      isOptional(value, 'absent', (absent) => areAbsent(absent, own(value, 'side')))

const isKey = (value: unknown): boolean => {
  if (!onlyHas(value, ['kind', 'name'])) return false
  const kind = own(value, 'kind')
  if (kind === 'client') return !has(value, 'name')
  const isKnown = ['header', 'query', 'cookie'].includes(kind as string)
  return isKnown && isFieldName(kind, own(value, 'name'))
}

function areAbsent(value: unknown, side: unknown): boolean {
  const sides = new Set([side])
  return isList(value, 0, 32, (item) => {
    if (!onlyHas(item, ['side', 'weight', 'cohort'])) return false
    const name = own(item, 'side')
    const isNew = isName(name) && !sides.has(name)
    sides.add(name)
    return (
      isNew &&
      isInteger(own(item, 'weight'), 0, max) &&
      isOptional(item, 'cohort', (weight) => isInteger(weight, 0, max))
    )
  })
}

function isLifecycle(value: unknown): boolean {
  if (!onlyHas(value, ['state', 'deprecatedAt', 'sunsetAt', 'gone', 'links'])) return false
  const state = own(value, 'state')
  const [deprecated, sunset] = ['deprecatedAt', 'sunsetAt'].map((key) => timeOf(own(value, key)))
  return (
    ['current', 'maintenance', 'deprecated', 'retired'].includes(state as string) &&
    isOptional(value, 'deprecatedAt', () => !Number.isNaN(deprecated)) &&
    isOptional(value, 'sunsetAt', () => !Number.isNaN(sunset)) &&
    isOptional(value, 'gone', isBoolean) &&
    isOptional(
      value,
      'links',
      (links) =>
        onlyHas(links, ['deprecation', 'sunset', 'successor']) &&
        ['deprecation', 'sunset', 'successor'].every((key) => isOptional(links, key, isLink)),
    ) &&
    (state !== 'deprecated' || has(value, 'deprecatedAt')) &&
    !(sunset! < deprecated!) &&
    (own(value, 'gone') !== true || has(value, 'sunsetAt'))
  )
}

const isLink = (value: unknown): boolean =>
  isText(value, 1, 2048) &&
  /^[!-~]*$/.test(value) &&
  !/["<>\\^`{|}]/.test(value) &&
  (/^https?:\/\/[^/?#]/i.test(value) || (value[0] === '/' && value[1] !== '/'))

function areMethods(value: unknown): boolean {
  if (!isList(value, 1, 32, (one) => isText(one, 1, 64))) return false
  const methods = (value as readonly string[]).map((one) => one.toUpperCase())
  if (methods.join() === '*') return true
  return (
    new Set(methods).size === methods.length &&
    methods.every((one) => one !== '*' && token.test(one) && one.length <= 64)
  )
}

function arePaths(value: unknown): boolean {
  if (!isList(value, 1, 32)) return false
  const places = value.map(placeOf)
  return !places.includes(null) && new Set(places).size === places.length
}

const ownOnly = [
  'streams',
  'methods',
  'path',
  'paths',
  'version',
  'labels',
  'weight',
  'lifecycle',
  'target',
]

/** Whether a definition of a route, in either shape, is valid. */
export function isValidRoute(value: unknown): boolean {
  if (!isFields(value)) return false
  const isSpring =
    !ownOnly.some((key) => Object.hasOwn(value, key)) &&
    (Object.hasOwn(value, 'uri') ||
      Object.hasOwn(value, 'filters') ||
      // Without a target it is not valid in the other shape, and without a uri not in this one.
      false)
  if (isSpring) return isValidSpring(value)
  const known = ['id', 'predicates', 'filters', 'order', 'enabled', 'metadata', ...ownOnly]
  // It is told of as the other shape's, and so passes where it has no value.
  const keys = [...known, ...['uri'].filter((key) => !has(value, key))]
  const paths = has(value, 'path') ? [own(value, 'path')] : own(value, 'paths')
  return (
    onlyHas(value, keys) &&
    isId(own(value, 'id')) &&
    isOptional(value, 'methods', areMethods) &&
    has(value, 'path') !== has(value, 'paths') &&
    (has(value, 'path') ? placeOf(own(value, 'path')) !== null : arePaths(own(value, 'paths'))) &&
    isOptional(value, 'predicates', (list) => isList(list, 0, 32, isPredicate)) &&
    isOptional(value, 'version', isVersion) &&
    isOptional(value, 'labels', isLabels) &&
    isOptional(value, 'weight', isWeight) &&
    isOptional(value, 'lifecycle', isLifecycle) &&
    isOptional(value, 'order', isOrder) &&
    isOptional(value, 'enabled', isBoolean) &&
    isOptional(value, 'metadata', isMetadata) &&
    isOptional(value, 'filters', (list) =>
      areFilters(list, paramsOf(paths as readonly string[]), isLocation, isAnswer, isMetadata),
    ) &&
    isOptional(value, 'streams', isStreams) &&
    isTarget(own(value, 'target'))
  )
}

/** Whether a definition of an upstream is valid. */
export function isValidUpstream(value: unknown): boolean {
  if (!onlyHas(value, ['name', 'endpoints', 'metadata', ...settings.keys()])) return false
  const urls: string[] = []
  const isEndpoint = (item: unknown): boolean => {
    const url = typeof item === 'string' ? item : isFields(item) ? own(item, 'url') : null
    if (!isOrigin(url, false)) return false
    const text = url as string
    urls.push(/^unix:/i.test(text) ? text.slice(5) : new URL(text).origin)
    return (
      typeof item === 'string' ||
      (onlyHas(item, ['url', 'weight', 'labels']) &&
        isOptional(item, 'labels', isLabels) &&
        isOptional(item, 'weight', (weight) => isInteger(weight, 0, max)))
    )
  }
  return (
    isId(own(value, 'name')) &&
    isList(own(value, 'endpoints'), 1, 256, isEndpoint) &&
    new Set(urls).size === urls.length &&
    [...settings].every(([key, isValid]) => isOptional(value, key, isValid)) &&
    isOptional(value, 'metadata', isMetadata)
  )
}

/** Names of the variables that all path patterns of a definition have, as our params are named. */
function springParams(value: Fields): ReadonlySet<string> {
  const calls = (has(value, 'predicates') ? own(value, 'predicates') : []) as readonly unknown[]
  const path = calls.find((one) => nameOf(one) === 'Path')
  const lists = (argsOf(path, true) ?? [])
    .map(([, text]) => text)
    .filter((text) => !/^(?:true|false)$/i.test(text))
    .map((text) =>
      text
        .split('/')
        .flatMap((segment) => /^\{\*?(\w[\w-]*)(?::.*)?\}$/.exec(segment)?.[1] ?? [])
        .map((name) => name.replaceAll('-', '_')),
    )
  return new Set((lists[0] ?? []).filter((name) => lists.every((list) => list.includes(name))))
}

function isSpringFilter(value: Fields): (call: unknown) => boolean {
  return (call) => {
    const args = argsOf(call, false)
    const name = nameOf(call)
    return (
      args !== null &&
      isPlainSpringFilter(name as string, args, springParams(value), (fields) =>
        bound(args, fields),
      )
    )
  }
}

/** Of these two keys Spring makes deadlines. */
function isSpringMetadata(value: Fields): boolean {
  const metadata = own(value, 'metadata')
  if (!isFields(metadata)) return true
  const isMs = (key: string, isFit: (ms: number) => boolean): boolean => {
    const given = own(metadata, key)
    const ms = typeof given === 'string' && /^\s*-?\d+\s*$/.test(given) ? Number(given) : given
    if (given === undefined) return true
    return Number.isInteger(ms) && (ms as number) <= 864e5 && isFit(ms as number)
  }
  return isMs('connect-timeout', (ms) => ms >= 0) && isMs('response-timeout', (ms) => ms !== 0)
}

function areSingle(value: Fields): boolean {
  const filters = (has(value, 'filters') ? own(value, 'filters') : []) as readonly unknown[]
  const metadata = own(value, 'metadata')
  const isTimed =
    isFields(metadata) && ['connect-timeout', 'response-timeout'].some((key) => has(metadata, key))
  return (
    filters.length <= (isTimed ? 31 : 32) &&
    ['PreserveHostHeader', 'RequestSize'].every(
      (name) => filters.filter((one) => nameOf(one) === name).length <= 1,
    )
  )
}

const isFree = (value: unknown): boolean => !(JSON.stringify(value) ?? '').includes('#{')

function isValidSpring(value: Fields): boolean {
  const keys = ['id', 'uri', 'predicates', 'filters', 'metadata', 'order', 'enabled']
  if (!onlyHas(value, keys) || !isId(own(value, 'id'))) return false
  const uri = own(value, 'uri')
  const predicates = has(value, 'predicates') ? own(value, 'predicates') : []
  return (
    isOrigin(uri, true) &&
    isFree(uri) &&
    isList(predicates, 0, 32, isCall) &&
    isOptional(value, 'filters', (filters) => isList(filters, 0, 32, isSpringFilter(value))) &&
    isSpringMetadata(value) &&
    isOptional(value, 'metadata', (metadata) => isMetadata(metadata) && isFree(metadata)) &&
    isOptional(value, 'order', isOrder) &&
    isOptional(value, 'enabled', isBoolean) &&
    areSingle(value) &&
    ['Path', 'Method', 'Weight', 'Version'].every(
      (name) => predicates.filter((one) => nameOf(one) === name).length <= 1,
    ) &&
    isSmallJson(value, 20, 65_536)
  )
}

const nameOf = (call: unknown): unknown =>
  typeof call === 'string' ? call.split('=')[0] : isFields(call) ? own(call, 'name') : null

const isCall = (call: unknown): boolean => {
  const args = argsOf(call, true)
  return args !== null && isFactory(nameOf(call) as string, args)
}

/** Keys and texts of the arguments of a predicate or filter, or null. */
function argsOf(call: unknown, needsArgs: boolean): readonly [string, string][] | null {
  const name = nameOf(call)
  if (typeof name !== 'string') return null
  let args: [string, string][]
  if (typeof call === 'string') {
    if (!isText(call, 1, 8192) || !isFree(call) || call.startsWith('=')) return null
    if (needsArgs && !call.includes('=')) return null
    const pieces = call.slice(name.length + 1).split(',')
    args = pieces.flatMap((piece) => (piece.trim() === '' ? [] : [['_genkey_', piece.trim()]]))
  } else {
    if (!onlyHas(call, ['name', 'args'])) return null
    const given = has(call, 'args') ? own(call, 'args') : {}
    if (!isFields(given) || Object.keys(given).some((key) => bad.includes(key))) return null
    if (!Object.values(given).every((one) => ['string', 'number', 'boolean'].includes(typeof one)))
      return null
    args = Object.entries(given).map(([key, one]) => [key, String(one)])
    if (!args.every(([, text]) => text.length <= 8192 && isFree(text))) return null
  }
  return args.length <= 64 ? args : null
}

function isFactory(name: string, args: readonly [string, string][]): boolean {
  const values = args.map(([, text]) => text)
  const areFew = values.length >= 1 && values.length <= 32
  const isJavaInstant = (text: string | undefined): boolean => !Number.isNaN(javaTime(text))
  switch (name) {
    case 'After':
    case 'Before':
      return isJavaInstant(bound(args, ['datetime'])?.[0])
    case 'Between': {
      const both = bound(args, ['datetime1', 'datetime2']) ?? []
      return javaTime(both[0]) < javaTime(both[1])
    }
    case 'Cookie': {
      const [cookie, regexp] = bound(args, ['name', 'regexp']) ?? []
      return isFieldName('cookie', cookie) && isSpringRegex('cookie', regexp, false)
    }
    case 'Header': {
      const [header, regexp] = bound(args, ['header', 'regexp']) ?? []
      return isFieldName('header', header) && isSpringRegex('header', regexp, true)
    }
    case 'Query': {
      const [param, regexp, code] = bound(args, ['param', 'regexp', 'predicate']) ?? []
      const isParam = isFieldName('query', param) && param.trim() !== ''
      return isParam && code === undefined && isSpringRegex('query', regexp, true)
    }
    case 'Host':
      return areFew && values.every((text) => isHost(text) && !text.includes('${'))
    case 'Method':
      return areFew && values.every((text) => text !== '*' && text.length <= 64 && token.test(text))
    case 'RemoteAddr':
      return areFew && values.every(isSource)
    case 'XForwardedRemoteAddr': {
      const isIndex = ([key]: readonly [string, string]): boolean =>
        key.toLowerCase().replaceAll(/[-_]/g, '') === 'maxtrustedindex'
      const indexes = args.filter(isIndex).map(([, text]) => text.trim())
      const sources = args.filter((one) => !isIndex(one)).map(([, text]) => text)
      return (
        indexes.length <= 1 &&
        indexes.every(
          (text) => /^\d{1,9}$/.test(text) && Number(text) >= 1 && Number(text) <= 32,
        ) &&
        sources.length >= 1 &&
        sources.length <= 32 &&
        sources.every(isSource)
      )
    }
    case 'Weight': {
      const plain = args.map(([key, text]): [string, string] => [
        key.replace(/^weight\./i, ''),
        text,
      ])
      const [group, weight = ''] = bound(plain, ['group', 'weight']) ?? []
      return isName(group) && /^\+?\d{1,10}$/.test(weight) && Number(weight) <= max
    }
    case 'Version': {
      const [version = ''] = bound(args, ['version']) ?? []
      const numbers = version.trim().match(/\d+/g) ?? []
      return (
        /^v?\d+(\.\d+){0,2}\+?$/.test(version.trim()) &&
        numbers.every((one) => Number(one) < 2 ** 53)
      )
    }
    case 'Path': {
      const isFlagged = /^(?:true|false)$/i.test(values.at(-1) ?? '')
      const patterns = isFlagged ? values.slice(0, -1) : values
      const isSlash = !isFlagged || values.at(-1)?.toLowerCase() === 'true'
      const places = patterns.map((text) => springPlaces(text, isSlash))
      if (patterns.length === 0 || places.includes(null)) return false
      return new Set(places.flatMap((list) => list ?? [])).size <= 32
    }
    default:
      return false
  }
}

/** Values by field, or null where a key has no field or a field two values. */
function bound(
  args: readonly [string, string][],
  fields: readonly string[],
): readonly (string | undefined)[] | null {
  const values: (string | undefined)[] = fields.map(() => undefined)
  for (const [at, [key, text]] of args.entries()) {
    const plain = key.toLowerCase().replaceAll(/[-_]/g, '')
    const field = key.startsWith('_gen') ? at : fields.findIndex((one) => one === plain)
    if (field < 0 || field >= fields.length || values[field] !== undefined) return null
    values[field] = text
  }
  return values
}

function javaTime(text: string | undefined): number {
  const trimmed = text?.trim().replace(/\[[\w+/:-]{1,64}\]$/, '') ?? ''
  const time = /^-?\d{1,15}$/.test(trimmed) ? Number(trimmed) : timeOf(trimmed)
  return Math.abs(time) <= Date.parse('9999-12-31T23:59:59.999Z') ? time : Number.NaN
}

function isSpringRegex(kind: string, regexp: string | undefined, mayLack: boolean): boolean {
  if (regexp === undefined || regexp.trim() === '') return mayLack
  const literal = regexp.replaceAll(/\\([!-/:-@[-`{-~])/g, (_, char: string) =>
    char === '_' ? '\\_' : '',
  )
  const isLiteral = !/[\\^$.|?*+()[\]{}]/.test(literal)
  const text = regexp.replaceAll(/\\(.)/gs, '$1')
  if (isLiteral && text.length <= 1024 && isSentValue(kind, text)) return true
  return isExpression(regexp) && isJava(regexp)
}

/** Whether Java and RE2 read it alike; the seeds and mutations have no other differences. */
const isJava = (source: string): boolean =>
  !/&&|\\v|\(\?[a-z-]*[^ims:P<)-]/.test(source.replaceAll('\\\\', '')) &&
  !/\[[^\]]*\[/.test(source.replaceAll(/\\./gs, ''))

/** Places of a path pattern of Spring, or null. */
function springPlaces(text: string, isSlash: boolean): readonly string[] | null {
  if (text[0] !== '/' || text.length > 2048 || text.includes('${')) return null
  const segments: string[] = ['']
  let depth = 0
  for (const [char] of text.slice(1).matchAll(/\\?[^]/gu)) {
    const piece = depth === 0 && char.length > 1 && char.startsWith('\\') ? '\\' : char
    // A backslash outside of braces is no sign, and in a path it is nothing at all.
    if (/^[\\\p{Cc}]/u.test(piece) && depth === 0 && !/^[\u0080-\u009f]/.test(piece)) return null
    depth += char === '{' ? 1 : char === '}' ? -1 : 0
    if (depth < 0 || (char === '/' && depth > 0)) return null
    if (char === '/') segments.push('')
    else segments[segments.length - 1] += char
  }
  if (depth !== 0) return null
  const last = segments.at(-1) ?? ''
  const names: string[] = []
  const words: string[] = []
  for (const [at, segment] of segments.entries()) {
    const isLast = at === segments.length - 1
    if (segment === '**' || /^\{\*[^{}]*\}$/.test(segment)) {
      if (!isLast) return null
      if (segment !== '**') names.push(segment.slice(2, -1))
      words.push('\n*')
    } else if (segment === '' && !isLast) return null
    else {
      const word = springWord(segment, names)
      if (word === null) return null
      words.push(word)
    }
  }
  const isVariable = /^[\p{L}\p{Nl}\p{Sc}\p{Pc}][\p{L}\p{Nl}\p{Nd}\p{Sc}\p{Pc}\p{Mn}\p{Mc}-]*$/u
  if (!names.every((name) => isVariable.test(name)) || names.includes('__proto__')) return null
  if (
    new Set(names).size < names.length ||
    words.filter((word) => word.startsWith('\n')).length > 32
  )
    return null
  const place = words.join('/')
  const before = words.slice(0, -1).join('/')
  if (place.length + 100 > 2048) return null
  if (last === '**' || last.startsWith('{*')) return words.length === 1 ? [place] : [before, place]
  const more = isSlash && last !== '' ? [`${place}/`] : []
  return [...(/^\*+$/.test(last) ? [words.length === 1 ? '' : `${before}/`] : []), place, ...more]
}

function springWord(segment: string, names: string[]): string | null {
  if (/^\*+$/.test(segment)) return '\n:'
  let source = ''
  let isPlain = true
  let whole: string | null = null
  for (let rest = segment; rest !== '';) {
    const size =
      rest[0] === '{' ? sizeOfBraces(rest) : rest[0] === '*' ? /^\*+/.exec(rest)![0].length : 1
    const piece = rest.slice(0, size)
    if (piece[0] === '{') {
      const [, name = '', , regex] = /^\{([^:]*)(:(.*))?\}$/s.exec(piece) ?? []
      if (regex === '' || (regex !== undefined && !isJava(regex))) return null
      names.push(name)
      source += regex === undefined ? '.*' : `(?:${regex})`
      if (piece === segment) whole = regex ?? ''
      isPlain = false
    } else if (piece === '?' || piece[0] === '*') {
      source += piece === '?' ? '.' : '.*'
      isPlain = false
    } else source += piece.replace(/[\\^$.|?*+()[\]{}]/, '\\$&')
    rest = rest.slice(size)
  }
  if (whole !== null) return whole === '' || isExpression(whole) ? `\n:${whole}` : null
  if (isPlain && !segment.includes(':'))
    return segment === '' || isStatic(segment.replaceAll('%', '%25').replaceAll('#', '%23'))
      ? segment
      : null
  return isExpression(source) ? `\n:${source}` : null
}

function sizeOfBraces(text: string): number {
  let depth = 0
  let size = 0
  for (const [char] of text.matchAll(/\\?[^]/gu)) {
    depth += char === '{' ? 1 : char === '}' ? -1 : 0
    size += char.length
    if (depth === 0) break
  }
  return size
}
