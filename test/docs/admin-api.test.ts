import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { operations } from '../../src/admin/operations.ts'
import { resources } from '../../src/admin/resources.ts'
import { root } from './root.ts'

test('the page is what `node scripts/admin-api.mjs` writes', async () => {
  const script = new URL('scripts/admin-api.mjs', root).href
  const { adminPage } = (await import(script)) as {
    adminPage: (...tables: readonly unknown[]) => string
  }
  const page = readFileSync(new URL('docs/reference/admin-api.md', root), 'utf8')
  assert.equal(page, adminPage(operations, resources))
})
