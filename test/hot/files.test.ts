import assert from 'node:assert/strict'
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { applied, openEmbedded, refused } from './support/embedded.ts'
import { makeFolder, save } from './support/served.ts'

/** A module that answers its text at each path. */
const answering = (text: string, ...paths: readonly string[]): string =>
  `export default {
  register(routes) {
${paths.map((path) => `    routes.get('${path}', (c) => c.text('${text}'))`).join('\n')}
  },
}
`

test('a new file adds routes, a renamed one moves, a deleted one takes them away', async (t) => {
  const folder = makeFolder(t, { 'a.js': answering('a', '/a') })
  const { ask, next, saved, turnout } = await openEmbedded(t, folder)
  assert.equal(await ask('/a'), 'a')
  assert.equal(await ask('/b'), '404')

  await saved({ 'b.js': answering('b', '/b') }, applied('b'))
  assert.equal(await ask('/b'), 'b')

  // One burst: the route moves from the module `b` to the module `c` and is never away.
  const before = turnout.revision
  const renamed = next(applied('c'))
  renameSync(join(folder, 'b.js'), join(folder, 'c.js'))
  await renamed
  assert.equal(await ask('/b'), 'b')
  assert.equal(turnout.revision, before + 1)
  assert.deepEqual(
    turnout.routes().map(({ path, module }) => [path, module]),
    [
      ['/a', 'a'],
      ['/b', 'c'],
    ],
  )

  const gone = next(applied('c', null))
  rmSync(join(folder, 'c.js'))
  await gone
  assert.equal(await ask('/b'), '404')
  assert.equal(await ask('/a'), 'a')
})

test('a folder is a module; a change in a file that it imports replaces it', async (t) => {
  const folder = makeFolder(t, {
    'users/index.js': `import { text } from './text.js'
export default { register: (routes) => void routes.get('/users', (c) => c.text(text)) }
`,
    'users/text.js': `export const text = 'one'\n`,
  })
  const { ask, saved } = await openEmbedded(t, folder)
  assert.equal(await ask('/users'), 'one')
  await saved({ 'users/text.js': `export const text = 'two'\n` }, applied('users'))
  assert.equal(await ask('/users'), 'two')
})

test('a route moves from one module to another in one burst and in both directions', async (t) => {
  const folder = makeFolder(t, {
    'a.js': answering('a', '/a', '/moving'),
    'b.js': answering('b', '/b'),
  })
  const { ask, saved, turnout } = await openEmbedded(t, folder)
  for (const [from, to] of ['ab', 'ba', 'ab']) {
    assert.equal(await ask('/moving'), from)
    const before = turnout.revision
    await saved(
      {
        [`${from}.js`]: answering(from!, `/${from}`),
        [`${to}.js`]: answering(to!, `/${to}`, '/moving'),
      },
      applied(to!),
    )
    assert.equal(await ask('/moving'), to)
    assert.equal(turnout.revision, before + 1, 'one burst is one revision')
  }
})

test('of two new files that conflict one is served; the other goes live when that one is gone', async (t) => {
  const folder = makeFolder(t)
  const { ask, next, saved, told } = await openEmbedded(t, folder)
  await saved(
    { 'a.js': answering('a', '/same', '/a'), 'b.js': answering('b', '/same', '/b') },
    ({ name }) => name === 'applied',
  )
  const [rejected] = told.filter((one) => one.name === 'rejected')
  assert.deepEqual(
    rejected?.event.rejections.map(({ label, problems }) => [label, problems[0]?.code]),
    [['b', 'TURNOUT_ROUTE_CONFLICT']],
  )
  assert.equal(await ask('/same'), 'a')
  assert.equal(await ask('/b'), '404')

  const promoted = next(applied('b'))
  rmSync(join(folder, 'a.js'))
  await promoted
  assert.equal(await ask('/same'), 'b')
  assert.equal(await ask('/b'), 'b')
  assert.equal(await ask('/a'), '404')
  assert.equal(told.filter((one) => one.name === 'rejected').length, 1)
})

test('a refused module goes live when the obstacle gives the route up; until then it is told once', async (t) => {
  const folder = makeFolder(t, { 'a.js': answering('a', '/same') })
  const { ask, saved, told } = await openEmbedded(t, folder)
  await saved({ 'b.js': answering('b', '/same') }, refused('b', 'TURNOUT_ROUTE_CONFLICT'))
  await saved({ 'c.js': answering('c', '/c') }, applied('c'))
  assert.equal(await ask('/same'), 'a')
  assert.equal(told.filter((one) => one.name === 'rejected').length, 1)

  await saved({ 'a.js': answering('a', '/other') }, applied('b'))
  assert.equal(await ask('/same'), 'b')
  assert.equal(await ask('/other'), 'a')
})

test('a refused module that was deleted or mended is not brought back', async (t) => {
  const folder = makeFolder(t, { 'a.js': answering('a', '/same') })
  const { ask, saved, next } = await openEmbedded(t, folder)
  const conflict = refused('b', 'TURNOUT_ROUTE_CONFLICT')
  await saved({ 'b.js': answering('b', '/same') }, conflict)
  await saved({ 'b.js': answering('b', '/b') }, applied('b'))
  await saved({ 'b.js': answering('b', '/same') }, conflict)
  assert.equal(await ask('/b'), 'b', 'what it served before goes on')
  const gone = next(applied('b', null))
  rmSync(join(folder, 'b.js'))
  await gone
  await saved({ 'a.js': answering('a', '/other') }, applied('a'))
  assert.equal(await ask('/same'), '404')
})

test('a refused module goes live when the program takes its own route away', async (t) => {
  const folder = makeFolder(t, { 'a.js': answering('a', '/same') })
  const { ask, next, turnout } = await openEmbedded(t, folder, {}, (own) => {
    own.get('/same', (c) => c.text('own'))
  })
  assert.equal(await ask('/same'), 'own')
  const live = next(applied('a'))
  await turnout.update((change) => change.remove('GET', '/same'))
  await live
  assert.equal(await ask('/same'), 'a')
})

test('in one burst what is good goes live and what is bad is reported', async (t) => {
  const folder = makeFolder(t, { 'a.js': answering('a1', '/a'), 'b.js': answering('b1', '/b') })
  const { ask, saved, turnout } = await openEmbedded(t, folder)
  const before = turnout.revision
  save(folder, 'b.js', 'export default {')
  await saved({ 'a.js': answering('a2', '/a') }, applied('a'))
  assert.equal(await ask('/a'), 'a2')
  assert.equal(await ask('/b'), 'b1')
  assert.equal(turnout.revision, before + 1)
})
