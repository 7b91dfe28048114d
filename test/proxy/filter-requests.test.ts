import { test } from 'node:test'
import { filterKindsOfTable, runThrough } from './filter-requests.ts'
import { methods } from './table/run.ts'

/** Of each filter so many parts of the table are left to the long form. */
const parts = 5

for (const [at, kind] of filterKindsOfTable.entries())
  test(`${kind}: framing stays right, for a part of the request table`, (t) =>
    runThrough(
      t,
      kind,
      (row, method) => (row + at) % parts === 0 && method === (row + at) % methods.length,
    ))
