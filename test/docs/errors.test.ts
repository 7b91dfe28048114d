import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errorTable } from '../../src/core/errors.ts'
import { root } from './root.ts'

const page = readFileSync(new URL('docs/reference/errors.md', root), 'utf8')
const documented = [...page.matchAll(/^## (TURNOUT_\w+)$/gm)].map(([, code]) => code!)

test('every code of the table has a row in the docs, and no row is without a code', () => {
  assert.deepEqual(documented, Object.keys(errorTable))
})

test('the page is what `node scripts/errors.mjs` writes', async () => {
  const script = new URL('scripts/errors.mjs', root).href
  const { errorsPage } = (await import(script)) as { errorsPage: (table: unknown) => string }
  assert.equal(page, errorsPage(errorTable))
})
