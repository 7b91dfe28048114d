import { test } from 'node:test'
import { filterKindsOfTable, runThrough } from './filter-requests.ts'

for (const kind of filterKindsOfTable)
  test(`${kind}: framing stays right, for the whole request table`, (t) =>
    runThrough(t, kind, () => true))
