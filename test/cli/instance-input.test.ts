import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeParts, partsOf, placeIn, requestOf } from '../../src/cli/instance/parts.ts'
import { readDataFile } from '../../src/cli/instance/read-data-file.ts'

const empty = {
  routes: { put: [], remove: [] },
  upstreams: { put: [], remove: [] },
  modules: { put: [], remove: [] },
  enable: [],
  disable: [],
}
const a = { id: 'a', path: '/a' }

const taken: readonly (readonly [string, unknown, object])[] = [
  ['a route', a, { routes: { put: [a], remove: [] } }],
  ['a list of routes', [a, a], { routes: { put: [a, a], remove: [] } }],
  ['no routes', [], {}],
  [
    'routes and upstreams',
    { routes: [a], upstreams: [{ name: 'u' }] },
    { routes: { put: [a], remove: [] }, upstreams: { put: [{ name: 'u' }], remove: [] } },
  ],
  [
    'a change request',
    {
      routes: { put: [a], remove: ['b'] },
      modules: { remove: ['m'] },
      enable: ['c'],
      disable: ['d'],
      reason: 'why',
      based_on: 7,
    },
    {
      routes: { put: [a], remove: ['b'] },
      modules: { put: [], remove: ['m'] },
      enable: ['c'],
      disable: ['d'],
      reason: 'why',
      based_on: 7,
    },
  ],
]
for (const [name, value, request] of taken)
  test(`${name} is taken`, () => {
    const read = readDataFile('a.json', JSON.stringify(value, null, 2))
    assert.ok(read.ok)
    assert.deepEqual(requestOf(read.parts, undefined), { ...empty, ...request })
  })

const refused: readonly (readonly [string, string, RegExp, number])[] = [
  ['an empty file', '', /the file is empty|expected a change request/, 1],
  ['a text', '"a"', /expected a change request/, 1],
  ['an empty object', '{}', /expected a change request/, 1],
  ['what is no JSON', '{"id":', /./, 1],
  ['a key twice', '{"id": 1,\n"id": 2}', /unique/i, 2],
  ['a list of texts', '["a"]', /no list of objects/, 1],
  [
    'a mistyped key',
    '{"routes": [],\n"upstream": []}',
    /no key upstream; did you mean upstreams/,
    2,
  ],
  ['a mistyped edit', '{"routes": {\n"add": []}}', /no key routes\.add/, 2],
  ['routes that are no list', '{\n"routes": 5}', /routes is no list of objects/, 2],
  ['an id that is none', '{"routes": [],\n"enable": [5]}', /enable is no list of texts/, 2],
  ['a revision that is none', '{"routes": [],\n"based_on": -1}', /based_on is no revision/, 2],
  ['a reason that is none', '{"routes": [],\n"reason": 5}', /reason is no text/, 2],
]
for (const [name, text, message, line] of refused)
  test(`refused, with its place: ${name}`, () => {
    const read = readDataFile('a.json', text)
    assert.ok(!read.ok)
    const [found] = read.problems
    assert.equal(found?.code, 'TURNOUT_INPUT_FILE')
    assert.match(found.message, message)
    assert.equal(found.place?.line, line)
  })

test('of several files every part is kept, and the oldest revision that was looked at counts', () => {
  const files = [
    '{"routes": [{"id": "a"}], "based_on": 9, "reason": "one"}',
    '{"routes": [{"id": "b"}], "based_on": 7, "reason": "two"}',
  ].map((text, at) => readDataFile(`${at}.json`, text))
  const parts = mergeParts(files.map((read) => (read.ok ? read.parts : partsOf({}))))
  const request = requestOf(parts, undefined)
  assert.deepEqual(request.routes?.put, [{ id: 'a' }, { id: 'b' }])
  assert.deepEqual([request.based_on, request.reason], [7, 'one; two'])
  assert.equal(requestOf(parts, 12).based_on, 12)
})

test('a pointer into the change set leads to the line that was written', () => {
  const yaml = 'routes:\n  - id: a\n  - id: b\n    target:\n      uri: x\nupstreams:\n  - name: u\n'
  const files = [readDataFile('one.json', '[{"id": "z"}]'), readDataFile('two.yaml', yaml)]
  const parts = mergeParts(files.map((read) => (read.ok ? read.parts : partsOf({}))))
  const cases: readonly (readonly [string, string, string, number])[] = [
    ['/routes/put/0/id', 'one.json', '/0/id', 1],
    ['/routes/put/1/id', 'two.yaml', '/routes/0/id', 2],
    ['/routes/put/2/target/uri', 'two.yaml', '/routes/1/target/uri', 5],
    ['/routes/put/2/missing', 'two.yaml', '/routes/1/missing', 3],
    ['/upstreams/put/0', 'two.yaml', '/upstreams/0', 7],
  ]
  for (const [pointer, file, own, line] of cases) {
    const found = placeIn(parts, pointer)
    assert.deepEqual([found?.file, found?.pointer, found?.place?.line], [file, own, line], pointer)
  }
  for (const pointer of ['/routes/put/9', '/reason', '/routes', '', '/constructor/put/0'])
    assert.equal(placeIn(parts, pointer), null, pointer)
})
