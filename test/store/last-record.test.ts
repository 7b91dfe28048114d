import assert from 'node:assert/strict'
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Author, makeFolder, openAt } from './support/folder.ts'

test('one changed digit in the last record of a process that was killed is damage: told, and its number is not given again', async () => {
  const directory = makeFolder()
  const { store } = await openAt(directory)
  const author = await Author.open(store)
  for (const at of [1, 2, 3]) await author.put({ key: { at, text: 'x'.repeat(40) } })
  const newest = author.number
  const left = makeFolder()
  cpSync(join(directory, 'revisions'), join(left, 'revisions'), { recursive: true })
  await store.close()

  const [name = ''] = readdirSync(join(left, 'revisions')).filter((one) =>
    one.startsWith('journal-'),
  )
  const file = join(left, 'revisions', name)
  const bytes = readFileSync(file)
  const at = bytes.lastIndexOf('xxx')
  assert.ok(at > 0)
  bytes[at] = bytes[at]! ^ 1
  writeFileSync(file, bytes)

  const again = await openAt(left)
  assert.equal(again.recovery?.code, 'TURNOUT_STORE_RECOVERED')
  const state = await again.store.read()
  assert.ok(state !== null && state.number > newest, `${state?.number} after ${newest}`)
  await again.store.close()
})
