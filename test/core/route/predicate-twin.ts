import fc from 'fast-check'
import type { Facts } from '../../../src/core/route/facts.ts'
import type { Predicate } from '../../../src/core/route/route.ts'

/** A request as data, of which predicates see the facts. */
export interface Seen {
  readonly fields: Readonly<Record<string, string>>
  readonly client: string
  readonly target: string
  readonly now: number
}

export const factsOfSeen = ({ fields, client, target }: Seen): Facts => ({
  header: (name) => (Object.hasOwn(fields, name) ? fields[name] : undefined),
  remoteAddress: () => client,
  target,
})

/** Judges a request by other means than the code under test. */
export const naive = (predicates: readonly Predicate[], seen: Seen): boolean =>
  predicates.every((one) => naiveOne(one, seen))

function naiveOne(one: Predicate, { fields, client, target, now }: Seen): boolean {
  switch (one.kind) {
    case 'host': {
      const host = fields['host']?.toLowerCase().split(':')[0]?.replace(/\.$/, '')
      if (host === undefined || host.split('.').includes('')) return false
      return one.patterns.some((text) =>
        takesLabels(text.toLowerCase().replace(/\.$/, '').split('.'), host.split('.')),
      )
    }
    case 'header':
      return holds(one, fields[one.name.toLowerCase()])
    case 'query':
      return holds(one, new URL(target, 'http://x').searchParams.getAll(one.name)[0])
    case 'cookie': {
      const values = (fields['cookie'] ?? '').split(';').flatMap((pair) => {
        const [, name, value = ''] = /^[ \t]*([^=]*?)[ \t]*=[ \t]*(.*?)[ \t]*$/.exec(pair) ?? []
        return name === one.name ? [/^"(.*)"$/.exec(value)?.[1] ?? value] : []
      })
      return holds(one, values[0])
    }
    case 'time':
      return !(
        (one.from !== null && now < new Date(one.from).getTime()) ||
        (one.until !== null && now >= new Date(one.until).getTime())
      )
    case 'client': {
      const list = (fields['x-forwarded-for'] ?? '').split(',').map((entry) => entry.trim())
      const isForwarded = one.trusted !== null && list.join('') !== ''
      const from = isForwarded ? (list.reverse()[(one.trusted ?? 0) - 1] ?? list.at(-1)) : client
      return one.sources.some((source) => lies(from ?? '', source))
    }
    default:
      return one satisfies never
  }
}

const holds = (
  { equals, matches }: { readonly equals: string | null; readonly matches: string | null },
  value: string | undefined,
): boolean =>
  value !== undefined &&
  (equals === null || equals === value) &&
  (matches === null || new RegExp(`^(?:${matches})$`).test(value))

function takesLabels(pattern: readonly string[], labels: readonly string[]): boolean {
  const [first, ...others] = pattern
  if (first === undefined) return labels.length === 0
  if (first === '**')
    return labels.some((_, at) => takesLabels(others, labels.slice(at))) || takesLabels(others, [])
  const [label, ...left] = labels
  return label !== undefined && takesLabel(first, label) && takesLabels(others, left)
}

function takesLabel(pattern: string, label: string): boolean {
  const any = /^(\*|\{\w+\})/.exec(pattern)?.[0]
  if (pattern === '') return label === ''
  if (any !== undefined) {
    const rest = pattern.slice(any.length)
    return Array.from({ length: label.length + 1 }, (_, at) => at).some((at) =>
      takesLabel(rest, label.slice(at)),
    )
  }
  const isSame = pattern[0] === '?' ? label !== '' : pattern[0] === label[0]
  return isSame && takesLabel(pattern.slice(1), label.slice(1))
}

/** As bits in text; only forms that the generators below make. */
function lies(address: string, source: string): boolean {
  const [base = '', size] = source.split('/')
  const [mine, its] = [bitsOf(address), bitsOf(base)]
  if (mine === null || its === null || mine.length !== its.length) return false
  const isMapped = base.includes(':') && its.length === 32
  const count = size === undefined ? its.length : Number(size) - (isMapped ? 96 : 0)
  return mine.slice(0, count) === its.slice(0, count)
}

function bitsOf(address: string): string | null {
  const mapped = /^::ffff:([\d.]+)$/.exec(address)?.[1] ?? address
  if (/^[\d.]+$/.test(mapped))
    return mapped
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('')
  if (!address.includes(':')) return null
  const [head = '', tail] = address.split('::')
  const groups = (text: string): string[] => text.split(':').filter((group) => group !== '')
  const zeros = 8 - groups(head).length - groups(tail ?? '').length
  return [...groups(head), ...Array<string>(zeros).fill('0'), ...groups(tail ?? '')]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('')
}

const label = fc.constantFrom('a', 'b', 'ab', 'x-1')
const hostName = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
const hostPattern = fc
  .array(fc.constantFrom('a', 'b', 'AB', '*', '**', '{name}', 'a*', '*b', '?', 'x-{n}', '**'), {
    minLength: 1,
    maxLength: 4,
  })
  .map((labels) => labels.join('.'))

const text = fc.constantFrom('', 'a', 'b', 'ab', 'ba', 'aab', '1', '12', 'a b', '"a"', 'a=b', '.')
const source = fc.constantFrom('a', 'b', 'a+', '[ab]+', 'a.*', '.*b', '\\d+', '(?:a|b)*', '.', '..')
const names = ['x', 'y'] as const
const name = fc.constantFrom(...names)
const address = fc.constantFrom(
  '10.0.0.1',
  '10.0.0.2',
  '10.1.2.3',
  '192.168.0.9',
  '::ffff:10.0.0.1',
  '::1',
  'fd00::1',
  'fd00:1::2',
)
const block = fc.oneof(
  address,
  fc.tuple(fc.constantFrom('10.0.0.1', '10.1.0.0'), fc.nat(32)).map((pair) => pair.join('/')),
  fc.tuple(fc.constantFrom('fd00::', 'fd00:1::2'), fc.nat(128)).map((pair) => pair.join('/')),
  fc.nat(32).map((bits) => `::ffff:10.0.0.1/${bits + 96}`),
)
const instant = fc.nat(6).map((second) => new Date(second * 1000).toISOString())

export const predicate: fc.Arbitrary<Predicate> = fc.oneof(
  fc
    .array(hostPattern, { minLength: 1, maxLength: 3 })
    .map((patterns) => ({ kind: 'host' as const, patterns })),
  fc.record({
    kind: fc.constantFrom('header', 'query', 'cookie'),
    name,
    equals: fc.option(text, { freq: 1 }),
    matches: fc.option(source, { freq: 1 }),
  }),
  fc
    .tuple(fc.option(instant), fc.option(instant))
    .map(([from, until]) => ({ kind: 'time' as const, from, until })),
  fc.record({
    kind: fc.constant('client' as const),
    sources: fc.array(block, { minLength: 1, maxLength: 3 }),
    trusted: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 1 }),
  }),
)

const pairs = fc.array(fc.tuple(name, text), { maxLength: 4 })

export const seen: fc.Arbitrary<Seen> = fc
  .record({
    host: fc.option(fc.tuple(hostName, fc.constantFrom('', '.', ':80', '.:80', '..')), { freq: 9 }),
    x: fc.option(text),
    y: fc.option(text),
    cookies: fc.option(pairs),
    forwarded: fc.option(fc.array(fc.oneof(address, fc.constant('no')), { maxLength: 4 })),
    query: pairs,
    client: address,
    now: fc.integer({ min: -1, max: 7000 }),
  })
  .map(({ host, x, y, cookies, forwarded, query, client, now }) => ({
    fields: {
      ...(host !== null && { host: host.join('') }),
      ...(x !== null && { x }),
      ...(y !== null && { y }),
      ...(cookies !== null && { cookie: cookies.map((pair) => pair.join('=')).join('; ') }),
      ...(forwarded !== null && { 'x-forwarded-for': forwarded.join(', ') }),
    },
    client,
    target: `/p?${new URLSearchParams(query).toString()}`,
    now,
  }))
