import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applied, openEmbedded, refused, retired } from './support/embedded.ts'
import { makeFolder } from './support/served.ts'

/** `/count` adds one and tells; `/hold?name` writes when the test lets it go on by `globalThis[name]()`. */
const counting = (version: string, rules: string): string => `
export default {
  name: 'counter',
  version: '${version}',
  state: { ${rules} },
  register(routes, { state }) {
    routes.get('/count', (c) => c.json({ version: '${version}', seen: ++state.seen, ...state }))
    routes.get('/state', (c) => c.json(state))
    routes.get('/hold', async (c) => {
      await new Promise((goOn) => { globalThis[c.query('name')] = goOn })
      state.seen += 100
      return c.text('${version}')
    })
  },
}
`

const fresh = 'create: () => ({ seen: 0 })'

/** Waits until a handler of `/hold` is inside, and gives the function that lets it go on. */
const inside = async (name: string): Promise<() => void> => {
  for (;;) {
    const goOn = (globalThis as Record<string, unknown>)[name]
    if (goOn !== undefined) return goOn as () => void
    await new Promise((resume) => setTimeout(resume, 5))
  }
}

test('without migrate a replacement is handed the same state; late exchanges write to it too', async (t) => {
  const folder = makeFolder(t, { 'counter.js': counting('1.0.0', fresh) })
  const { ask, next, saved } = await openEmbedded(t, folder)
  await ask('/count')
  const late = ask('/hold?name=handedOn')
  const goOn = await inside('handedOn')
  await saved({ 'counter.js': counting('2.0.0', fresh) }, applied('counter', '2.0.0'))
  assert.deepEqual(JSON.parse(await ask('/count')), { version: '2.0.0', seen: 2 })
  const gone = next(retired('counter', '1.0.0'))
  goOn()
  assert.equal(await late, '1.0.0')
  await gone
  assert.deepEqual(JSON.parse(await ask('/state')), { seen: 102 })
})

test('migrate sees the state and the version before', async (t) => {
  const folder = makeFolder(t, { 'counter.js': counting('1.2.3', fresh) })
  const { ask, saved } = await openEmbedded(t, folder)
  await ask('/count')
  await ask('/count')
  const migrating = `${fresh}, migrate: (old, from) => ({ seen: old.seen, from })`
  await saved({ 'counter.js': counting('2.0.0', migrating) }, applied('counter', '2.0.0'))
  assert.deepEqual(JSON.parse(await ask('/count')), { version: '2.0.0', seen: 3, from: '1.2.3' })
})

test('a write between rehearsal and swap is not lost', async (t) => {
  const folder = makeFolder(t, { 'counter.js': counting('1.0.0', fresh) })
  const { ask, saved } = await openEmbedded(t, folder)
  await ask('/count')
  // The first call is the rehearsal; what is written right after it comes before the swap.
  const migrating = `${fresh}, migrate: (old) => {
    if (globalThis.rehearsed === undefined) {
      globalThis.rehearsed = true
      queueMicrotask(() => { old.seen += 10 })
    }
    return { seen: old.seen }
  }`
  await saved({ 'counter.js': counting('2.0.0', migrating) }, applied('counter', '2.0.0'))
  assert.deepEqual(JSON.parse(await ask('/state')), { seen: 11 })
})

test('settle sees what late exchanges wrote on the replaced version', async (t) => {
  const folder = makeFolder(t, { 'counter.js': counting('1.0.0', fresh) })
  const { ask, next, saved } = await openEmbedded(t, folder)
  await ask('/count')
  const late = ask('/hold?name=settled')
  const goOn = await inside('settled')
  const settling = `${fresh},
    migrate: (old) => ({ seen: old.seen, base: old.seen }),
    settle: (survivor, other) => { survivor.seen += other.seen - survivor.base }`
  await saved({ 'counter.js': counting('2.0.0', settling) }, applied('counter', '2.0.0'))
  await ask('/count')
  assert.deepEqual(JSON.parse(await ask('/state')), { seen: 2, base: 1 })
  const gone = next(retired('counter', '1.0.0'))
  goOn()
  assert.equal(await late, '1.0.0')
  await gone
  assert.deepEqual(JSON.parse(await ask('/state')), { seen: 102, base: 1 })
})

test('a migrate that throws in the swap only takes the change back by the next revision', async (t) => {
  const folder = makeFolder(t, {
    'counter.js': counting('1.0.0', fresh),
    'other.js': `export default { version: '1.0.0', register: (r) => void r.get('/other', (c) => c.text('1')) }`,
  })
  const { ask, saved, told, turnout } = await openEmbedded(t, folder)
  await ask('/count')
  const before = turnout.revision
  const migrating = `${fresh}, migrate: (old) => {
    globalThis.migrations = (globalThis.migrations ?? 0) + 1
    if (globalThis.migrations === 2) throw new Error('not in the swap')
    return { seen: old.seen }
  }`
  const otherText = `export default { version: '2.0.0', register: (r) => void r.get('/other', (c) => c.text('2')) }`
  await saved(
    { 'counter.js': counting('2.0.0', migrating), 'other.js': otherText },
    applied('other', '2.0.0'),
  )
  const [rejected] = told.filter(({ name }) => name === 'rejected')
  assert.ok(rejected !== undefined && refused('counter', 'TURNOUT_MODULE_LOAD_FAILED')(rejected))
  assert.equal(await ask('/other'), '2', 'the rest of the burst is live')
  assert.deepEqual(JSON.parse(await ask('/count')), { version: '1.0.0', seen: 2 })
  const made = turnout.revisions.filter(({ number }) => number > before)
  assert.deepEqual(
    made.map(({ number, author, reason }) => [number, author, reason.replace(/:.*/, '')]),
    [
      [before + 1, 'files', 'counter, other'],
      [before + 2, 'turnout', 'taken back'],
      [before + 3, 'files', 'counter, other'],
    ],
  )
  assert.deepEqual(
    made[1]?.changes.map(({ module, from, to }) => [module, from, to]),
    [
      ['counter', '2.0.0', '1.0.0'],
      ['other', '2.0.0', '1.0.0'],
    ],
  )
  assert.equal(turnout.revision, before + 3)

  const better = `${fresh}, migrate: (old) => ({ seen: old.seen })`
  await saved({ 'counter.js': counting('3.0.0', better) }, applied('counter', '3.0.0'))
  assert.deepEqual(JSON.parse(await ask('/count')), { version: '3.0.0', seen: 3 })
})

test('a rehearsed migration gives back nothing that the version serves with', async (t) => {
  // What a module opens at its top level belongs to that evaluation, however often `register` runs.
  const pooled = (version: string): string => `
const pool = { isOpen: true }
export default {
  name: 'pooled',
  version: '${version}',
  state: { create: () => ({}), migrate: (old) => ({ ...old }) },
  register(routes, { onDispose }) {
    onDispose(() => { pool.isOpen = false })
    routes.get('/pool', (c) => c.text(String(pool.isOpen)))
  },
}
`
  const folder = makeFolder(t, { 'pooled.js': pooled('1.0.0') })
  const { ask, saved } = await openEmbedded(t, folder)
  assert.equal(await ask('/pool'), 'true')
  await saved({ 'pooled.js': pooled('2.0.0') }, applied('pooled', '2.0.0'))
  assert.equal(await ask('/pool'), 'true')
})

test('a rollback goes the same road: state is handed back', async (t) => {
  const folder = makeFolder(t, { 'counter.js': counting('1.0.0', fresh) })
  const { ask, saved, turnout } = await openEmbedded(t, folder)
  await ask('/count')
  const first = turnout.revision
  await saved({ 'counter.js': counting('2.0.0', fresh) }, applied('counter', '2.0.0'))
  await ask('/count')
  await turnout.rollback(first)
  assert.deepEqual(JSON.parse(await ask('/count')), { version: '1.0.0', seen: 3 })
})
