import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { entriesFrom } from '../../../src/core/persistent-map.ts'
import {
  objectsOf,
  tableAfter,
  tableOfObjects,
  type TableStep,
} from '../../../src/core/route/objects.ts'
import type { Json } from '../../../src/core/json.ts'
import { plainRoute } from '../../../src/core/route/route.ts'
import { emptyTable, usersOf, type Table } from '../../../src/core/route/table.ts'
import { entriesOf } from '../../../src/core/router/router.ts'

const names = ['one', 'two', 'three', 'four']
const owners = ['a', 'b']
const upstreams = ['left', 'right']

const put = fc
  .record({
    name: fc.constantFrom(...names),
    owner: fc.constantFrom(...owners),
    methods: fc.constantFrom(['GET'], ['GET', 'POST'], ['*']),
    // Each route has places of its own, so that no two stand in each other's way.
    path: fc.constantFrom('', '/:id', '/*rest'),
    upstream: fc.constantFrom(...upstreams, null),
    isEnabled: fc.boolean(),
  })
  .map(({ name, owner, methods, path, upstream, isEnabled }) => ({
    key: `route:${name}`,
    value: {
      ...plainRoute(
        owner,
        name,
        'GET',
        `/${name}${path}`,
        upstream === null
          ? { kind: 'respond', status: 200, headers: {}, body: '' }
          : { kind: 'upstream', upstream },
      ),
      methods,
      enabled: isEnabled,
    } as unknown as Json,
  }))

const off = fc.constantFrom(...names).map((name) => ({ key: `off:${name}`, value: true }))

const step = fc
  .uniqueArray(
    fc.oneof(
      { arbitrary: put, weight: 4 },
      { arbitrary: off, weight: 1 },
      fc
        .constantFrom(...names.flatMap((name) => [`route:${name}`, `off:${name}`]))
        .map((key) => ({ key, value: undefined })),
    ),
    { selector: ({ key }) => key, maxLength: 5 },
  )
  .map((all): TableStep => ({
    put: all.flatMap(({ key, value }) => (value === undefined ? [] : [{ key, value }])),
    remove: all.flatMap(({ key, value }) => (value === undefined ? [key] : [])),
  }))

/** All that is derived, as text. */
const shown = (table: Table): unknown => ({
  objects: [...objectsOf(table)],
  owned: [...entriesFrom(table.owned)],
  users: upstreams.map((name) => [...usersOf(table, name)]),
  router: [...entriesOf(table.router)]
    .map(({ method, pattern, value }) => `${method} ${pattern} ${JSON.stringify(value)}`)
    .sort(),
})

test('a table after steps is the one that is made of what they leave', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const objects = new Map<string, Json>()
      let table: Table = emptyTable
      for (const one of steps) {
        for (const key of one.remove) objects.delete(key)
        for (const { key, value } of one.put) objects.set(key, value)
        const after = tableAfter(table, one)
        assert.deepEqual(after.refusals, [])
        table = after.table
        const all = [...objects].map(([key, value]) => ({ key, value }))
        assert.deepEqual(shown(table), shown(tableOfObjects(all)))
      }
    }),
    { numRuns: 300 },
  )
})
