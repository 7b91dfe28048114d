import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  findConflicts,
  maxFindings,
  problemOf,
  type ConflictPolicy,
  type Finding,
} from '../../../src/core/route/conflict.ts'
import { plainRoute, type Route } from '../../../src/core/route/route.ts'
import { addRoutes, emptyTable, type Table } from '../../../src/core/route/table.ts'
import { findPath } from '../../../src/core/router/lookup.ts'
import {
  findAmbiguous,
  findCrossing,
  placesVisited,
  tokensOf,
} from '../../../src/core/router/overlap.ts'
import { parsePattern, shapeOf, type Pattern } from '../../../src/core/router/pattern.ts'
import { buildRouter } from '../../../src/core/router/router.ts'

const routeOf = (owner: string, text: string): Route => {
  const [method = '', path = ''] = text.split(' ')
  const target = { kind: 'module', module: owner } as const
  return plainRoute(owner, `${owner}#${text}`, method, path, target)
}

const patternOf = ({ paths: [path = ''] }: Route): Pattern => {
  const { pattern } = parsePattern(path)
  assert.ok(pattern, path)
  return pattern
}

const show = ({ kind, route, other, witness }: Finding): string =>
  `${kind}: ${route.id} / ${other.id}: ${witness ? `${witness.method} ${witness.path}` : 'no witness'}`

const tableOf = (texts: readonly string[]): Table => {
  const result = addRoutes(
    emptyTable,
    texts.map((text) => routeOf('old', text)),
    'exact',
  )
  assert.deepEqual(result.refusals, [])
  return result.table
}

interface Row {
  readonly name: string
  readonly there: readonly string[]
  readonly put: readonly string[]
  readonly policy?: ConflictPolicy
  readonly owner?: string
  readonly found: readonly string[]
}

const rows: readonly Row[] = [
  {
    name: 'two constraints that both take a segment',
    there: ['GET /a/:x(\\d+)'],
    put: ['GET /a/:y([0-9a-f]+)'],
    found: ['ambiguous: new#GET /a/:y([0-9a-f]+) / old#GET /a/:x(\\d+): GET /a/0'],
  },
  {
    name: 'constraints that exclude each other',
    there: ['GET /a/:x(\\d+)'],
    put: ['GET /a/:y([a-f]+)'],
    found: [],
  },
  {
    name: 'static, constrained, param and rest decide',
    there: ['GET /a/7', 'GET /a/:x(\\d+)', 'GET /a/:x', 'GET /a/*rest'],
    put: ['GET /a/:x/b', 'GET /:x', 'GET /*rest', 'GET /:x(\\w+)/7'],
    found: [],
  },
  {
    name: 'what follows decides nothing, but it must fit',
    there: ['GET /a/:x(\\d+)/b', 'GET /a/:x(\\d+)/:z/c', 'GET /a/:x(\\d+)'],
    put: ['GET /a/:y(\\w+)/:z', 'GET /a/:y(\\w+)/*rest'],
    found: [
      'ambiguous: new#GET /a/:y(\\w+)/:z / old#GET /a/:x(\\d+)/b: GET /a/0/b',
      'ambiguous: new#GET /a/:y(\\w+)/*rest / old#GET /a/:x(\\d+)/b: GET /a/0/b',
      'ambiguous: new#GET /a/:y(\\w+)/*rest / old#GET /a/:x(\\d+)/:z/c: GET /a/0/x/c',
    ],
  },
  {
    name: 'the routes of one change meet each other once',
    there: [],
    put: ['GET /:x(a|b)', 'GET /:x(b|c)', 'GET /:x(c|d)'],
    found: [
      'ambiguous: new#GET /:x(b|c) / new#GET /:x(a|b): GET /b',
      'ambiguous: new#GET /:x(c|d) / new#GET /:x(b|c): GET /c',
    ],
  },
  {
    name: 'the method decides at one place only; HEAD is asked first',
    there: ['* /:x(\\d+)', 'HEAD /:x(\\d\\d)', 'POST /:x(\\w)'],
    put: ['GET /:x(\\d+)', 'GET /:x([1-9]+)', 'HEAD /:x([0-9]+)', '* /:x(\\w\\d)'],
    found: [
      'ambiguous: new#GET /:x([1-9]+) / old#* /:x(\\d+): GET /1',
      'ambiguous: new#GET /:x([1-9]+) / new#GET /:x(\\d+): GET /1',
      'ambiguous: new#HEAD /:x([0-9]+) / old#HEAD /:x(\\d\\d): HEAD /00',
      'ambiguous: new#* /:x(\\w\\d) / old#* /:x(\\d+): GET /00',
      'ambiguous: new#* /:x(\\w\\d) / new#GET /:x(\\d+): GET /00',
      'ambiguous: new#* /:x(\\w\\d) / new#GET /:x([1-9]+): GET /11',
    ],
  },
  {
    name: 'a constraint that is not understood',
    there: ['GET /a/:x(\\bx)', 'GET /b/:x(\\bx)/c'],
    put: ['GET /a/:y(x)', 'GET /b/:y(x)/d'],
    found: ['ambiguous: new#GET /a/:y(x) / old#GET /a/:x(\\bx): no witness'],
  },
  {
    name: 'exact looks at method and shape only',
    policy: 'exact',
    there: ['GET /a/:x(\\d+)'],
    put: ['GET /a/:y([0-9]+)', 'GET /a/:y(\\d+)'],
    found: ['exact: new#GET /a/:y(\\d+) / old#GET /a/:x(\\d+): GET /a/0'],
  },
  {
    name: 'every problem at once',
    there: ['GET /a/:x(\\d+)', 'GET /b'],
    put: ['GET /a/:y([0-9]+)', 'GET /b'],
    found: [
      'exact: new#GET /b / old#GET /b: GET /b',
      'ambiguous: new#GET /a/:y([0-9]+) / old#GET /a/:x(\\d+): GET /a/0',
    ],
  },
  {
    name: 'a path below that of another owner',
    policy: 'prefix',
    there: ['GET /api', 'POST /shop/:id/items', 'GET /sho'],
    put: ['GET /api/users', 'GET /apis', 'PUT /shop/7', 'GET /shop/7/items/'],
    found: [
      'prefix: new#GET /api/users / old#GET /api: GET /api/users',
      'prefix: new#PUT /shop/7 / old#POST /shop/:id/items: POST /shop/7/items',
      'prefix: new#GET /shop/7/items/ / old#POST /shop/:id/items: GET /shop/7/items/',
    ],
  },
  {
    name: 'the root is a prefix of everything',
    policy: 'prefix',
    there: ['GET /'],
    put: ['GET /:x/y', 'GET /*rest'],
    found: [
      'prefix: new#GET /:x/y / old#GET /: GET /x/y',
      'prefix: new#GET /*rest / old#GET /: GET /',
    ],
  },
  {
    name: 'the paths of one owner may cross under prefix',
    policy: 'prefix',
    owner: 'old',
    there: ['GET /api', 'GET /api/:id', 'GET /:x(\\d)'],
    put: ['GET /api/users', 'GET /', 'GET /:y([0-4])'],
    found: ['ambiguous: old#GET /:y([0-4]) / old#GET /:x(\\d): GET /0'],
  },
  {
    name: 'nor may they under prefix-within, of one method',
    policy: 'prefix-within',
    owner: 'old',
    there: ['GET /api', 'POST /api/:id'],
    put: ['GET /api/users'],
    found: ['prefix: old#GET /api/users / old#GET /api: GET /api/users'],
  },
]
for (const { name, there, put, policy = 'ambiguous', owner = 'new', found } of rows) {
  test(name, () => {
    const routes = put.map((text) => routeOf(owner, text))
    const findings = findConflicts(tableOf(there), routes, policy)
    assert.deepEqual(findings.map(show).toSorted(), found.toSorted())
    const { refusals } = addRoutes(tableOf(there), routes, policy)
    assert.deepEqual(
      refusals.map(({ problem }) => problem),
      findings.map(problemOf),
    )
  })
}

test('a finding says in words what is wrong', () => {
  const put = ['GET /a/:y([0-9a-f]+)', 'GET /b/:y(q)'].map((text) => routeOf('new', text))
  const table = tableOf(['GET /a/:x(\\d+)', 'GET /b/:x(\\Qq\\E)'])
  assert.deepEqual(
    findConflicts(table, put, 'ambiguous').map((finding) => problemOf(finding).message),
    [
      'new#GET /a/:y([0-9a-f]+) (new) overlaps old#GET /a/:x(\\d+) (old), and nothing says which serves: ([0-9a-f]+) and (\\d+) both take "0"; witness: GET /a/0',
      'new#GET /b/:y(q) (new) overlaps old#GET /b/:x(\\Qq\\E) (old), and nothing says which serves: it cannot be told whether one request fits both, through (q) and (\\Qq\\E); witness: none can be given',
    ],
  )
})

// The naive twin: all pairs, every path of few short segments.

const constraints = ['\\d', '[0a]', 'a|b', '[^a]', 'a.?', '0{2}', '\\w+', '.+', 'b*', 'a^b']
const segment = fc.oneof(
  { arbitrary: fc.constantFrom('a', '0', 'ab', ':p', ':p'), weight: 1 },
  { arbitrary: fc.constantFrom(...constraints).map((source) => `:p(${source})`), weight: 2 },
)
const path = fc
  .tuple(fc.array(segment, { maxLength: 2 }), fc.constantFrom('', '', '', '/', '/*p'))
  .map(([segments, tail]) => {
    const named = segments.map((text, at) => text.replace(':p', `:p${at}`))
    return `${named.map((text) => `/${text}`).join('')}${tail}` || '/'
  })
const route = fc
  .tuple(fc.constantFrom('a', 'b'), fc.constantFrom('GET', 'GET', 'GET', 'HEAD', '*'), path)
  .map(([owner, method, text]) => routeOf(owner, `${method} ${text}`))
const routes = fc.uniqueArray(route, {
  selector: (one) => `${one.methods[0]!} ${shapeOf(patternOf(one))}`,
  minLength: 3,
  maxLength: 8,
})

const segments = ['a', '0', 'b', 'ab', '00', 'x']
const paths = ['/']
for (let depth = 0, from = 0; depth < 4; depth += 1) {
  const end = paths.length
  for (let at = from; at < end; at += 1) {
    const above = paths[at] === '/' ? '' : paths[at]
    paths.push(...segments.map((text) => `${above}/${text}`))
  }
  from = end
}
paths.push(...paths.slice(1, 300).map((text) => `${text}/`))

const servedBy = new Map<string, ReadonlySet<string>>()
/** Every path that a pattern alone serves. */
const served = (one: Route): ReadonlySet<string> => {
  const known = servedBy.get(one.paths[0]!)
  if (known !== undefined) return known
  const router = buildRouter([{ method: 'GET', pattern: patternOf(one), value: one }])
  const found = new Set(paths.filter((text) => findPath(router, 'GET', text).kind === 'match'))
  servedBy.set(one.paths[0]!, found)
  return found
}

const canShare = (left: string, right: string): boolean =>
  left === right || ((left === '*' || right === '*') && left !== 'HEAD' && right !== 'HEAD')

const isAmbiguousPair = (left: Route, right: Route): boolean => {
  if (!canShare(left.methods[0]!, right.methods[0]!)) return false
  const [mine, others] = [tokensOf(patternOf(left)), tokensOf(patternOf(right))]
  const at = mine.findIndex(
    (token, index) => JSON.stringify(token) !== JSON.stringify(others[index]),
  )
  if (mine[at]?.kind !== 'constrained' || others[at]?.kind !== 'constrained') return false
  const there = served(right)
  return [...served(left)].some((text) => there.has(text))
}

const trimmed = (text: string): string => (text.endsWith('/') ? text.slice(0, -1) : text)

/** Some path of one, cut at a segment boundary or whole, is a path of the other; a slash at the end is nothing. */
const isCrossingPair = (left: Route, right: Route): boolean => {
  const isBelow = (longer: Route, shorter: Route): boolean => {
    const tops = new Set([...served(shorter)].map(trimmed))
    return [...served(longer)].some((text) => {
      const parts = trimmed(text).split('/')
      return parts.some((_, at) => tops.has(parts.slice(0, at + 1).join('/')))
    })
  }
  return isBelow(left, right) || isBelow(right, left)
}

const pairsOf = (
  table: readonly Route[],
  put: readonly Route[],
  policy: ConflictPolicy,
): string[] =>
  put.flatMap((one, at) =>
    [...table, ...put.slice(0, at)]
      .filter(
        (other) =>
          isAmbiguousPair(one, other) ||
          (policy === 'prefix' && one.owner !== other.owner && isCrossingPair(one, other)) ||
          (policy === 'prefix-within' &&
            (one.owner !== other.owner || canShare(one.methods[0]!, other.methods[0]!)) &&
            isCrossingPair(one, other)),
      )
      .map((other) => `${one.id} / ${other.id}`),
  )

const isServed = (one: Route, method: string, text: string): boolean => {
  const value = { method: one.methods[0]!, pattern: patternOf(one), value: one }
  return findPath(buildRouter([value]), method, text).kind === 'match'
}

const checkWitness = ({ kind, route: left, other: right, witness }: Finding): void => {
  assert.ok(witness, 'every constraint here is understood')
  const { method, path: text } = witness
  const byLeft = isServed(left, method, text)
  const byRight = isServed(right, method, text)
  if (kind !== 'prefix') return assert.ok(byLeft && byRight, `${method} ${text}`)
  assert.ok(byLeft || byRight, `${method} ${text}`)
  const isCovered = (one: Route): boolean =>
    ['/', ...text.split('/').map((_, at, parts) => parts.slice(0, at + 1).join('/'))].some(
      (top) =>
        top !== '' &&
        (isServed({ ...one, methods: ['*'] }, 'GET', top) ||
          isServed({ ...one, methods: ['*'] }, 'GET', `${trimmed(top)}/`)),
    )
  assert.ok(isCovered(left) && isCovered(right), `${method} ${text}`)
}

for (const policy of ['ambiguous', 'prefix', 'prefix-within'] as const) {
  test(`${policy}: no conflict is missed, none is invented, every witness holds`, () => {
    let found = 0
    fc.assert(
      fc.property(routes, fc.nat(8), (all, split) => {
        const [there, put] = [all.slice(0, split), all.slice(split)]
        const { table } = addRoutes(emptyTable, there, 'exact')
        const findings = findConflicts(table, put, policy)
        found += findings.length
        findings.forEach(checkWitness)
        assert.deepEqual(
          findings.map((one) => `${one.route.id} / ${one.other.id}`).toSorted(),
          pairsOf(there, put, policy).toSorted(),
        )
      }),
      { numRuns: 600 },
    )
    assert.ok(found > 50, `${found} findings`)
  })
}

const big = Array.from({ length: 20_000 }, (_, at) =>
  routeOf('big', `GET /t/t${at % 100}/s${Math.floor(at / 100)}/:id(\\d+)`),
)

test('looking for conflicts costs what the new path costs, not what the table holds', () => {
  const { table } = addRoutes(emptyTable, big)
  const tree = table.router.GET
  const pattern = patternOf(routeOf('new', 'GET /t/t7/s7/:hash([a-f]+)'))
  findAmbiguous(tree, pattern, () => false)
  assert.ok(placesVisited() < 10, `${placesVisited()} places`)
  findAmbiguous(tree, patternOf(routeOf('new', 'GET /t/t7/s7/:id')), () => false)
  assert.equal(placesVisited(), 0)
  findCrossing(
    tree,
    pattern,
    () => false,
    () => false,
  )
  assert.ok(placesVisited() < 20, `${placesVisited()} places`)
})

test('a short path above a whole table is told of a few times, and not at all to its own owner', () => {
  const { table } = addRoutes(emptyTable, big)
  assert.equal(findConflicts(table, [routeOf('new', 'GET /t')], 'prefix').length, maxFindings)
  assert.deepEqual(findConflicts(table, [routeOf('big', 'GET /t')], 'prefix'), [])
})
