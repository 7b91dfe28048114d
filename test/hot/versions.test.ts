import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { applied, openEmbedded, refused } from './support/embedded.ts'
import { ask as askAt, makeFolder } from './support/served.ts'

/** A version of the module `users` that answers its own version, and counts for itself. */
const version = (text: string, more = ''): string => `export default {
  version: '${text}',
  state: { create: () => ({ seen: 0 }) },
  register(routes, { state }) {
    routes.get('/users', (c) => c.text('${text} ' + (state.seen += 1)))
    ${more}
  },
}
`

test('versions in a folder stand side by side; a new one waits in the isolation zone', async (t) => {
  const folder = makeFolder(t, { 'users/1.3.0.js': version('1.3.0') })
  const { ask, port, saved, next, turnout } = await openEmbedded(t, folder)
  const asking = async (asked: string): Promise<string> =>
    (await askAt(port, '/users', { 'x-api-version': asked })).text
  assert.equal(await ask('/users'), '1.3.0 1')

  await saved({ 'users/2.0.0.js': version('2.0.0') }, applied('users@2.0.0'))
  assert.equal(await ask('/users'), '1.3.0 2', 'who asks for nothing stays where they were')
  assert.equal(await asking('2.0.0'), '2.0.0 1', 'each has a state of its own')
  assert.equal(await asking('1.3.0'), '1.3.0 3')

  // A version that is edited hands its own state on.
  await saved({ 'users/2.0.0.js': version('2.0.0', '// edited') }, applied('users@2.0.0'))
  assert.equal(await asking('2.0.0'), '2.0.0 2')
  assert.deepEqual(
    turnout.routes().map(({ id, version: of }) => [id, of]),
    [
      ['users@1.3.0#GET /users', '1.3.0'],
      ['users@2.0.0#GET /users', '2.0.0'],
    ],
  )

  const gone = next(applied('users@1.3.0', null))
  rmSync(join(folder, 'users/1.3.0.js'))
  await gone
  assert.equal(await ask('/users'), '2.0.0 3', 'what is left alone serves everybody')
})

test('at the start the highest release of a folder serves', async (t) => {
  const folder = makeFolder(t, {
    'users/1.9.0.js': version('1.9.0'),
    'users/1.10.0.js': version('1.10.0'),
    'users/2.0.0-rc.1.js': version('2.0.0-rc.1'),
  })
  const { ask } = await openEmbedded(t, folder)
  assert.equal(await ask('/users'), '1.10.0 1')
})

test('a file that is called otherwise than its module says is refused, and the others wait for it', async (t) => {
  const folder = makeFolder(t, { 'users/1.3.0.js': version('1.3.0') })
  const { ask, saved } = await openEmbedded(t, folder)
  const told = await saved(
    { 'users/2.0.0.js': version('2.0.1') },
    refused('users', 'TURNOUT_MODULE_EXPORT_INVALID'),
  )
  assert.match(JSON.stringify(told), /its version is 2\.0\.1, and its file is called 2\.0\.0/)
  assert.equal(await ask('/users'), '1.3.0 1')
})

test('a module goes to a lower version only with a reason, where that is asked for', async (t) => {
  const folder = makeFolder(t, { 'users.js': version('1.3.0') })
  const { ask, saved, turnout } = await openEmbedded(t, folder, { versionOrder: 'reasoned' })
  await saved({ 'users.js': version('1.2.0') }, refused('users', 'TURNOUT_VERSION_LOWER'))
  assert.equal(await ask('/users'), '1.3.0 1')
  await saved({ 'users.js': version('1.4.0') }, applied('users', '1.4.0'))
  assert.equal(await ask('/users'), '1.4.0 2')
  await turnout.rollback(1)
  assert.equal(await ask('/users'), '1.3.0 3', 'going back is a reason')
})
