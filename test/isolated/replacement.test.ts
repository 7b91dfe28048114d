import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { applied, refused, retired } from '../hot/support/embedded.ts'
import { save } from '../hot/support/served.ts'
import { isAlive, open, until } from './support.ts'
import { pidOf, users } from './users.ts'

test('replaced, its state goes over, and the process before it is gone', async (t) => {
  const opened = await open(t, { 'users.js': users() })
  const { folder, text, event } = opened
  await text('/count')
  const pid = await pidOf(opened)
  save(folder, 'users.js', users({ version: '2.0.0' }))
  await event(retired('users', '1.0.0'))
  assert.equal(isAlive(pid), false)
  assert.deepEqual([await text('/version'), await text('/count')], ['2.0.0', '2'])
})

const migrating = 'create: () => ({ seen: 0 }), migrate: (old, from) => ({ seen: old.seen, from })'

const moves = [
  ['isolated', 'isolated'],
  ['inline', 'isolated'],
  ['isolated', 'inline'],
] as const

for (const [before, after] of moves) {
  test(`${before} to ${after}: migrate sees the state and the version before`, async (t) => {
    const { folder, text, event } = await open(t, { 'users.js': users({ isolation: before }) })
    await text('/count')
    const next = users({ version: '2.0.0', isolation: after, state: migrating })
    save(folder, 'users.js', next)
    await event(applied('users', '2.0.0'))
    assert.equal(await text('/state'), '{"seen":1,"from":"1.0.0"}')
  })

  test(`${before} to ${after}: what is written late is settled`, async (t) => {
    const { folder, text, event, ask } = await open(t, { 'users.js': users({ isolation: before }) })
    const sign = join(folder, 'sign.txt')
    const late = ask(`/late?until=${encodeURIComponent(sign)}`)
    await text('/version')
    const settling = `${migrating}, settle: (own, other) => { own.late = other.seen }`
    save(folder, 'users.js', users({ version: '2.0.0', isolation: after, state: settling }))
    await event(applied('users', '2.0.0'))
    assert.equal(await text('/state'), '{"seen":0,"from":"1.0.0"}')
    writeFileSync(sign, '')
    assert.equal((await late).text, '1.0.0')
    await event(retired('users', '1.0.0'))
    assert.equal(await text('/state'), '{"seen":0,"from":"1.0.0","late":100}')
  })

  test(`${before} to ${after}: a state that cannot be copied refuses the change`, async (t) => {
    const state = 'create: () => ({ seen: 0, inner: { log: console.log } })'
    const { folder, text, event, told } = await open(t, {
      'users.js': users({ isolation: before, state }),
    })
    await text('/count')
    save(folder, 'users.js', users({ version: '2.0.0', isolation: after, state }))
    await event(refused('users', 'TURNOUT_STATE_UNCLONEABLE'))
    assert.match(JSON.stringify(told.at(-1)), /inner\.log is a function/)
    assert.deepEqual([await text('/version'), await text('/count')], ['1.0.0', '2'])
  })
}

test('replaced again and again under load, no request fails', async (t) => {
  const opened = await open(t, { 'users.js': users() })
  const { folder, ask, event } = opened
  const stopped = new AbortController()
  const seen = new Map<string, number>()
  const client = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const { status, text, isCut } = await ask('/slow?ms=5')
      const answer = `${status} ${isCut ? 'cut' : text}`
      seen.set(answer, (seen.get(answer) ?? 0) + 1)
    }
  }
  const clients = Array.from({ length: 16 }, client)
  const versions = [1, 2, 3, 4, 5].map((minor) => `1.${minor}.0`)
  for (const version of versions) {
    save(folder, 'users.js', users({ version }))
    await event(applied('users', version))
    await until(() => seen.has(`200 ${version}`))
  }
  stopped.abort()
  await Promise.all(clients)
  assert.deepEqual(
    [...seen.keys()].sort(),
    ['1.0.0', ...versions].map((version) => `200 ${version}`),
  )
})

test('what does not leave a replaced version is cut at its deadline', async (t) => {
  const opened = await open(t, { 'users.js': users() }, { drainMs: 300 })
  const late = opened.ask('/slow?ms=60000')
  const pid = await pidOf(opened)
  save(opened.folder, 'users.js', users({ version: '2.0.0' }))
  const { status, text } = await late
  assert.equal(status, 503)
  assert.match(text, /TURNOUT_EXCHANGE_CUT/)
  await opened.event(retired('users', '1.0.0'))
  assert.equal(isAlive(pid), false)
})

test('its onDispose runs before its process ends', async (t) => {
  const rest = `onDispose(async () => { await new Promise((go) => setTimeout(go, 50)); log.info('disposed of') })`
  const { folder, event, lines } = await open(t, { 'users.js': users({ rest }) })
  save(folder, 'users.js', users({ version: '2.0.0' }))
  await event(retired('users', '1.0.0'))
  const [line] = lines.filter(({ message }) => message === 'disposed of')
  assert.equal(line?.fields['module_version'], '1.0.0')
})
