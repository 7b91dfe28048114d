import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { compileFunction } from 'node:vm'
import { placesOf } from '../../src/worker/resources/function-script.ts'
import { search } from '../../src/worker/resources/search.ts'

const wanted = (): string => 'wanted'
const is = (callback: object): boolean => callback === wanted
const later = (): number => performance.now() + 60_000

class Leaky {
  #own = wanted
  get own(): unknown {
    return this.#own
  }
}

const once = new EventEmitter().once('done', wanted)
const on = new EventEmitter().on('data', () => undefined).on('data', wanted)
const loop: { self?: unknown; deep?: unknown } = {}
loop.self = loop
loop.deep = { deeper: [wanted] }

const cases: readonly {
  readonly name: string
  readonly value: unknown
  readonly paths: readonly string[]
}[] = [
  { name: 'a function itself', value: wanted, paths: ['root'] },
  { name: 'a property', value: { a: { b: wanted } }, paths: ['root.a.b'] },
  { name: 'an array', value: { list: [1, wanted] }, paths: ['root.list[1]'] },
  { name: 'a Map', value: new Map([['key', wanted]]), paths: ["root.get('key')"] },
  { name: 'a Set', value: new Set([wanted]), paths: ['root (a Set)'] },
  { name: 'a listener', value: on, paths: ["root.on('data')"] },
  { name: 'a listener for once', value: once, paths: ["root.on('done')"] },
  { name: 'a circle', value: loop, paths: ['root.deep.deeper[0]'] },
  {
    name: 'a property of a function',
    value: Object.assign(() => 1, { wanted }),
    paths: ['root.wanted'],
  },
  { name: 'a private field is out of reach', value: new Leaky(), paths: [] },
  {
    name: 'a getter is not called',
    value: {
      get trap(): unknown {
        throw new Error('called')
      },
      b: wanted,
    },
    paths: ['root.b'],
  },
  {
    name: 'a proxy is not asked',
    value: new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('asked')
        },
      },
    ),
    paths: [],
  },
  {
    name: 'beyond its depth it does not go',
    value: { a: { b: { c: { d: { e: wanted } } } } },
    paths: [],
  },
]

for (const { name, value, paths } of cases)
  test(`search: ${name}`, () => {
    const found = search([{ kind: 'reference', name: 'root', value, depth: 4 }], is, later())
    assert.deepEqual(
      found.map(({ path }) => path),
      paths,
    )
  })

test('a search of very much ends by its time', () => {
  const many = Array.from({ length: 400 }, () => Array.from({ length: 400 }, () => ({ a: {} })))
  const root = { kind: 'reference', name: 'root', value: many, depth: 6 } as const
  assert.deepEqual(search([root], is, performance.now() - 1), [])
  assert.deepEqual(search([root], is, later()), [])
})

test('functions of one text are told apart by their script, with line and column', () => {
  const make = (): readonly unknown[] => {
    // As modules are compiled: scripts of one text are two.
    setFlagsFromString('--no-compilation-cache')
    const code = compileFunction('\n  return () => 1', [], {
      filename: 'turnout:///x?000000000000',
    })
    setFlagsFromString('--compilation-cache')
    return [code, (code as () => unknown)()]
  }
  const [first, one] = make()
  const [second, other] = make()
  const places = placesOf([first, one, second, other, Math.max])
  assert.equal(places[0]!.script, places[1]!.script)
  assert.equal(places[2]!.script, places[3]!.script)
  assert.notEqual(places[1]!.script, places[3]!.script)
  assert.deepEqual([places[1]!.line, places[1]!.column], [2, 10])
  assert.equal(places[4], null)
})
