/** Numbers that look random and come again with the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

type Tree = Record<string, unknown> | unknown[]

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null

/** Own keys only, so that a tree may have `__proto__` as a key like any other. */
const put = (tree: Tree, key: string, value: unknown): void => {
  Object.defineProperty(tree, key, { value, enumerable: true, configurable: true, writable: true })
}

const keys = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'é',
  'a/b~c',
  '\u0000',
  '',
  'id',
  'path',
  'paths',
  'methods',
  'predicates',
  'uri',
  'filters',
  'target',
  'kind',
  'name',
  'args',
  'equals',
  'matches',
  'trusted',
  'metadata',
  'order',
  'weight',
  'version',
  'enabled',
  '_genkey_0',
  '_genkey_9',
  'regexp',
  'x',
  'subset',
  'streams',
  'upstream',
  'key',
  'value',
  'template',
  'statuses',
  'balancer',
  'breaker',
  'labels',
  'tls',
  'lifecycle',
  'state',
  'sunsetAt',
  'links',
  'side',
  'cohort',
]

const values: readonly unknown[] = [
  null,
  undefined,
  true,
  false,
  0,
  -0,
  -1,
  1,
  1.5,
  204,
  2 ** 31,
  1e21,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '',
  ' ',
  'x',
  '*',
  'GET',
  'get',
  'true',
  '/',
  '/*',
  '/**',
  '/a',
  '/a/',
  '/:a',
  '/:a/:a',
  '/:a(\\d+)',
  '/:a([)',
  '/:a((?!x))',
  '/*rest/x',
  '/a//b',
  '/%2e%2E',
  '/%zz',
  '/{a}',
  '/{a:\\d{2}}',
  '/{a:[a-z&&b]}',
  '/{*all}',
  '/a/**/b',
  '/x*y?',
  '/#{x}',
  '${x}',
  '\\d+',
  '(?i)a',
  '(?<n>a)\\1',
  '[',
  'a{1000}{1000}',
  'http://a',
  'http://a:0',
  'http://a/b?c',
  'HTTPS://A.example:443/',
  'http://u:p@a',
  'http://a#b',
  'http://127.0.0.1:9001',
  'http://169.254.169.254',
  'http://0x7f000001',
  'http://2852039166',
  'http://[::1]:80',
  'http://[::ffff:169.254.169.254]',
  'http://[fe80::1]',
  'http://metadata.google.internal.',
  'lb://a',
  'ws://a',
  'forward:/a',
  'no://op',
  '//a',
  '/\\a',
  '/a b',
  '/ok?x=1',
  'a.org',
  '*.a.org',
  'a..b',
  'a.org:80',
  '{x}.org',
  '10.0.0.0/8',
  '10.0.0.0/33',
  '::ffff:10.0.0.0/95',
  'fd00::/8',
  '1.2.0',
  '1.2',
  '1.2.0+',
  '2026-01-01T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '2025-01-01T00:00:00Z',
  'retired',
  'deprecated',
  'https://a/<b>',
  'canary',
  '2027-01-01T00:00+02:00',
  'Path=/a,/b',
  'Path=',
  'Method=GET',
  'Host=*.a.org',
  'Header=X-A, a+',
  'Weight=g,3',
  'Version=1.2+',
  'ReadBody=x',
  'StripPrefix=1',
  'nothing',
  'unix:/run/a.sock',
  'unix:run/a.sock',
  'unix:/run/../a.sock',
  'unix:/var/run/docker.sock',
  '10ms',
  '2m',
  '1 s',
  '/a/{x}',
  '{y}',
  '$1',
  '$9',
  '${rest}',
  '$',
  '5xx',
  '*.a',
  'v1.3.*',
  'content-length',
  'Host',
  '../a',
  'keep',
  'ring-hash',
  { kind: 'strip-prefix' },
  { kind: 'retry' },
  { kind: 'preserve-host' },
  { kind: 'all' },
  { kind: 'client' },
  { kind: 'fallback', upstream: 'a' },
  { kind: 'module', module: 'a', name: 'b' },
  [],
  {},
  [[]],
  ['/a', '/a'],
  ['/a', '/b'],
  ['GET', 'POST'],
  [null],
  { kind: 'query', name: 'a' },
  { kind: 'host' },
  { name: 'Path', args: { _gen: '/a' } },
  { name: 'Query', args: { param: 'a', regexp: 'b.c' } },
  { upstream: 'a' },
  { uri: 'http://a' },
  { respond: { status: 204 } },
  { redirect: { location: '/a' } },
  { group: 'g', weight: 3 },
  new Date(0),
  new Map(),
  Symbol.iterator,
  () => 'x',
  10n,
]

const chars = [
  ' ',
  '\u0000',
  '\n',
  '\r\n',
  'é',
  '\ud800',
  '\u202e',
  '/',
  '{',
  '}',
  ':',
  '*',
  '%',
  '#',
  '"',
  '\\',
  '?',
  '@',
  '.',
  ',',
  '=',
  ';',
  '(',
  ']',
  '#{',
  '~',
  '1',
  'A',
  '-',
  '+',
]

/** A copy of a valid definition with one to three things changed. */
export function mutate(seed: unknown, random: () => number): unknown {
  const below = (count: number): number => Math.floor(random() * count)
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item
  const root: Tree = { root: structuredClone(seed) }

  const fresh = (): unknown => {
    const picked = pick(values)
    // The trees grow into each other's values otherwise.
    return typeof picked === 'object' ? structuredClone(picked) : picked
  }

  const places = (): { readonly tree: Tree; readonly key: string }[] => {
    const found: { readonly tree: Tree; readonly key: string }[] = []
    const visit = (tree: Tree, depth: number): void => {
      if (depth > 8 || found.length > 300) return
      for (const key of Object.keys(tree)) {
        found.push({ tree, key })
        const value = (tree as Record<string, unknown>)[key]
        if (isTree(value)) visit(value, depth + 1)
      }
    }
    visit(root, 0)
    return found
  }

  const change = (): void => {
    const { tree, key } = pick(places())
    const before: unknown = Object.getOwnPropertyDescriptor(tree, key)?.value
    const isRoot = tree === root
    switch (below(10)) {
      case 0:
      case 1:
        if (!isRoot || below(20) === 0) put(tree, key, fresh())
        return
      case 2:
        if (isRoot) return
        if (Array.isArray(tree)) tree.splice(Number(key), 1)
        else delete tree[key]
        return
      case 3:
        if (isRoot || Array.isArray(tree)) return
        delete tree[key]
        put(tree, pick([key.toUpperCase(), key.slice(1), `${key}s`, pick(keys)]), before)
        return
      case 4:
        if (isTree(before) && !Array.isArray(before)) put(before, pick(keys), fresh())
        return
      case 5:
      case 6:
        if (typeof before === 'string') put(tree, key, changeText(before, below, pick))
        else if (typeof before === 'number')
          put(tree, key, before + pick([1, -1, 0.5, 1000, 2 ** 31, -(2 ** 33)]))
        else if (typeof before === 'boolean') put(tree, key, !before)
        return
      case 7:
        if (typeof before === 'string')
          put(tree, key, before + pick(['a', '/b', 'é']).repeat(pick([260, 1100, 2100, 70_000])))
        return
      case 8: {
        let deep: unknown = fresh()
        for (let level = pick([1, 10, 14, 16, 40]); level > 0; level -= 1)
          deep = below(2) === 0 ? [deep] : { deep }
        if (isTree(before) && !Array.isArray(before))
          put(before, pick(['metadata', 'deep']), { deep })
        else if (!isRoot) put(tree, key, deep)
        return
      }
      default:
        if (!Array.isArray(before)) return
        if (below(3) === 0) before.push(fresh())
        else if (before.length > 0)
          for (let count = pick([1, 1, 40]); count > 0; count -= 1)
            before.push(before[below(before.length)])
    }
  }

  for (let count = 1 + below(3); count > 0; count -= 1) change()
  return root['root']
}

function changeText(
  text: string,
  below: (count: number) => number,
  pick: <Item>(items: readonly Item[]) => Item,
): string {
  const at = below(text.length + 1)
  switch (below(4)) {
    case 0:
      return text.slice(0, at) + text.slice(at + 1)
    case 1:
      return text.slice(0, at) + text.slice(at).repeat(2)
    default:
      return text.slice(0, at) + pick(chars) + text.slice(at)
  }
}
