import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createPaint, wantsColour } from '../../src/cli/colour.ts'
import { printChange, printRetirement } from '../../src/cli/print-change.ts'
import { printEvent } from '../../src/cli/print-json.ts'
import { printProblem, printRejection } from '../../src/cli/print-problem.ts'
import { printReady } from '../../src/cli/print-ready.ts'
import { printRoutes } from '../../src/cli/print-routes.ts'
import type { ChangeView, ModuleChangeView, RouteView } from '../../src/cli/view.ts'
import { displayWidth, padTo } from '../../src/cli/width.ts'
import { problem } from '../../src/core/errors.ts'

const plain = createPaint(false)
const coloured = createPaint(true)
// oxlint-disable-next-line no-control-regex -- removes what the painter adds
const strip = (text: string): string => text.replaceAll(/\u001B\[\d+m/g, '')

const golden = (name: string): string =>
  readFileSync(new URL(`../../../test/golden/cli/${name}.txt`, import.meta.url), 'utf8')

const routes: readonly RouteView[] = [
  {
    method: 'GET',
    pattern: '/users/:id',
    module: 'users',
    version: '1.3.0',
    handler: 'show',
    file: 'users.ts',
    line: 4,
  },
  {
    method: 'DELETE',
    pattern: '/users/:id',
    module: 'users',
    version: '1.3.0',
    file: 'users.ts',
    line: 9,
  },
  { method: '*', pattern: '/日本語/*rest', module: 'proxy', file: 'proxy' },
]
const rejection = {
  module: 'users',
  serving: '1.2.0',
  problems: [
    problem(
      'TURNOUT_CONFIG_THREW',
      { file: 'users.ts', reason: 'not today' },
      {
        place: {
          file: 'users.ts',
          line: 3,
          column: 9,
          frame: '  2 | {\n> 3 |   throw x\n    |         ^',
        },
        stack: 'Error: not today\n    at fail (users.ts:3:9)\n    at users.ts:7:1',
      },
    ),
    problem('TURNOUT_CONFIG_EXPORT', { file: 'users.ts', reason: 'nothing' }),
  ],
}
const ready = {
  version: '0.1.0',
  readyMs: 141.4,
  admin: 'http://127.0.0.1:7070',
  health: null,
  revision: 3,
  urls: ['http://127.0.0.1:8080/'],
  folder: 'routes',
  modules: 2,
  routes: 1,
  configFile: 'turnout.config.ts',
}

const printed: Readonly<Record<string, (paint: typeof plain) => string>> = {
  routes: (paint) => printRoutes(routes, paint),
  rejection: (paint) => printRejection(rejection, paint),
  ready: (paint) => printReady(ready, paint),
}
for (const [name, print] of Object.entries(printed)) {
  test(`${name}: as in its golden file`, () => {
    assert.equal(print(plain), golden(name))
  })
  test(`${name}: colours change nothing but colours`, () => {
    assert.notEqual(print(coloured), print(plain))
    assert.equal(strip(print(coloured)), print(plain))
  })
}

const change = (module: Partial<ModuleChangeView>): ChangeView => ({
  revision: 7,
  durationMs: 14.2,
  owners: [],
  modules: [
    { module: 'users', kind: 'replaced', routesAdded: 0, routesRemoved: 0, draining: 0, ...module },
  ],
})
const lines: readonly (readonly [Partial<ModuleChangeView>, string])[] = [
  [
    { from: '1.2.0', to: '1.3.0', routesAdded: 2, routesRemoved: 1, draining: 1 },
    '↻ users 1.2.0 → 1.3.0  +2 −1 routes  14 ms  1 draining\n',
  ],
  [{ from: '1.2.0', to: '1.2.0' }, '↻ users 1.2.0  14 ms\n'],
  [{}, '↻ users  14 ms\n'],
  [{ to: '1.0.0' }, '↻ users ? → 1.0.0  14 ms\n'],
  [{ kind: 'added', to: '1.0.0', routesAdded: 1 }, '+ users 1.0.0  +1 route  14 ms\n'],
  [
    { kind: 'removed', from: '1.0.0', routesRemoved: 3, draining: 2 },
    '− users 1.0.0  −3 routes  14 ms  2 draining\n',
  ],
]
for (const [module, line] of lines)
  test(`a change reads ${line.trim()}`, () => {
    assert.equal(printChange(change(module), plain), line)
  })

test('routes and upstreams of no module are one line for each owner', () => {
  const owner = {
    owner: 'admin',
    routesAdded: 2,
    routesRemoved: 0,
    routesChanged: 1,
    upstreams: 4,
    upstreamsAdded: 2,
    upstreamsRemoved: 1,
  }
  const change = { revision: 8, durationMs: 3, modules: [], owners: [owner] }
  assert.equal(
    printChange(change, plain),
    '~ admin  +2 ~1 routes  +2 −1 ~1 upstreams  revision 8  3 ms\n',
  )
})

test('a retirement is one line', () => {
  assert.equal(
    printRetirement({ module: 'users', version: '1.2.0', durationMs: 12_345 }, plain),
    '· users 1.2.0 drained  12.3 s\n',
  )
})

test('no routes are said', () => {
  assert.equal(printRoutes([], plain), 'no routes\n')
})

test('text from outside cannot steer the terminal', () => {
  const evil = '\u001B[2Jx\u0007\u202Ey\r\nz'
  const found = problem(
    'TURNOUT_USAGE',
    { reason: evil },
    {
      stack: `Error: a\n    at ${evil}`,
      place: { file: evil, line: 1, column: 1, frame: evil },
    },
  )
  for (const text of [
    printProblem(found, plain),
    printRoutes([{ method: evil, pattern: evil, module: evil, handler: evil }], plain),
    printChange(change({ module: evil, from: evil, to: 'b' }), plain),
    printReady({ ...ready, folder: evil, urls: [evil] }, plain),
  ])
    for (const character of ['\u001B', '\u0007', '\u202E', '\r'])
      assert.equal(text.includes(character), false, JSON.stringify(text))
})

test('an event is one line of JSON whatever is in it, problems with their cure', () => {
  const line = printEvent({ event: 'rejected', ...rejection })
  assert.equal(line.split('\n').length, 2)
  const parsed = JSON.parse(line) as { problems: { code: string; cure: string }[] }
  assert.deepEqual(
    parsed.problems.map(({ code }) => code),
    ['TURNOUT_CONFIG_THREW', 'TURNOUT_CONFIG_EXPORT'],
  )
  assert.ok(parsed.problems.every(({ cure }) => cure.length > 0))
  assert.deepEqual(JSON.parse(printEvent({ event: 'ready', ...ready })), {
    event: 'ready',
    ...ready,
  })
})

test('docs/reference/cli-json.md has every event', () => {
  const page = readFileSync(new URL('../../../docs/reference/cli-json.md', import.meta.url), 'utf8')
  for (const name of [
    'ready',
    'route',
    'applied',
    'rejected',
    'retired',
    'probation',
    'problem',
    'created',
    'kept',
    'token',
    'probe',
    'plan',
    'published',
    'rolled-back',
    'confirmed',
    'switched',
    'revision',
    'diff',
    'status',
  ])
    assert.ok(page.includes(`"event":"${name}"`), name)
})

const widths: readonly (readonly [string, number])[] = [
  ['abc', 3],
  ['日本', 4],
  ['e\u0301', 1],
  ['👩‍👩‍👧', 2],
  ['ｶ', 1],
  ['', 0],
]
for (const [text, width] of widths)
  test(`"${text}" is ${width} columns wide`, () => {
    assert.equal(displayWidth(text), width)
  })

test('padding reaches the width and never cuts', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '日', ' '), maxLength: 9 }),
      fc.nat(20),
      (text, width) => {
        assert.equal(displayWidth(padTo(text, width)), Math.max(width, displayWidth(text)))
      },
    ),
  )
})

const colourCases: readonly (readonly [
  Readonly<Record<string, string>>,
  boolean,
  boolean,
  boolean,
])[] = [
  [{}, true, true, true],
  [{}, false, true, false],
  [{}, true, false, false],
  [{ NO_COLOR: '1' }, true, true, false],
  [{ NO_COLOR: '' }, true, true, true],
  [{ FORCE_COLOR: '1' }, false, true, true],
  [{ FORCE_COLOR: '0' }, true, true, false],
  [{ FORCE_COLOR: '1', NO_COLOR: '1' }, true, true, false],
  [{ TERM: 'dumb' }, true, true, false],
]
for (const [environment, isTerminal, allowed, expected] of colourCases)
  test(`colours ${expected}: ${JSON.stringify({ environment, isTerminal, allowed })}`, () => {
    assert.equal(wantsColour(environment, isTerminal, allowed), expected)
  })
