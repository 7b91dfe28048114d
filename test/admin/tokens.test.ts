import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openFirstToken } from '../../src/admin/first-token.ts'
import { createLockOut } from '../../src/admin/lock-out.ts'
import { openTokens } from '../../src/admin/tokens.ts'
import { open, root } from './support/open.ts'

const folder = (t: Pick<TestContext, 'after'>): string => {
  const directory = mkdtempSync(join(tmpdir(), 'turnout-tokens-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

test('the first token is made once, of 256 bits, and only its owner may read it', async (t) => {
  const directory = folder(t)
  const first = await openFirstToken(directory, undefined)
  assert.equal(first.isNew, true)
  assert.equal(Buffer.from(first.token, 'base64url').length, 32)
  assert.equal(statSync(first.file!).mode & 0o777, 0o600)
  const second = await openFirstToken(directory, undefined)
  assert.deepEqual(second, { ...first, isNew: false })
  const given = 'g'.repeat(40)
  assert.deepEqual(await openFirstToken(directory, given), {
    token: given,
    file: null,
    isNew: false,
  })
})

const bad: readonly (readonly [name: string, make: (file: string, directory: string) => void])[] = [
  [
    'others may read it',
    (file) => {
      writeFileSync(file, 'x'.repeat(43), { mode: 0o600 })
      chmodSync(file, 0o644)
    },
  ],
  ['it is empty', (file) => writeFileSync(file, '', { mode: 0o600 })],
  ['it is short', (file) => writeFileSync(file, 'secret', { mode: 0o600 })],
  [
    'it is a link',
    (file, directory) => {
      const other = join(directory, 'other')
      writeFileSync(other, 'x'.repeat(43), { mode: 0o600 })
      symlinkSync(other, file)
    },
  ],
]

for (const [name, make] of bad) {
  test(`a token file is refused when ${name}`, async (t) => {
    const directory = folder(t)
    make(join(directory, 'admin-token'), directory)
    await assert.rejects(openFirstToken(directory, undefined), {
      code: 'TURNOUT_ADMIN_TOKEN_INVALID',
    })
  })
}

test('a token that is given and short is refused', async (t) => {
  await assert.rejects(openFirstToken(folder(t), 'secret'), { code: 'TURNOUT_ADMIN_TOKEN_INVALID' })
})

test('tokens outlive the process, expire, and are never kept as they are', async (t) => {
  const directory = folder(t)
  const store = await openTokens(directory, root)
  const { token, id } = await store.create({ name: 'a', scopes: ['read'], expiresAt: 100 }, 0)
  const again = await openTokens(directory, root)
  assert.equal(again.find(token, 99)?.name, 'a')
  assert.equal(again.find(token, 100), null)
  assert.equal(again.find(`${token}x`, 0), null)
  assert.equal(again.find(token.replace('.', '..'), 0), null)
  assert.equal(again.find(id, 0), null)
  assert.equal(again.find('', 0), null)
  assert.ok(!readFileSync(join(directory, 'tokens.json'), 'utf8').includes(token.split('.')[1]!))
  assert.equal(statSync(join(directory, 'tokens.json')).mode & 0o777, 0o600)
  await assert.rejects(again.create({ name: 'a', scopes: ['read'], expiresAt: null }, 0), {
    code: 'TURNOUT_TOKEN_EXISTS',
  })
  assert.equal(await again.remove(id), true)
  assert.equal(await again.remove(id), false)
  assert.equal((await openTokens(directory, root)).find(token, 0), null)
})

test('two tokens made at once are both kept', async (t) => {
  const directory = folder(t)
  const store = await openTokens(directory, root)
  const make = (name: string) => store.create({ name, scopes: ['read'], expiresAt: null }, 0)
  await Promise.all([make('a'), make('b'), make('c')])
  assert.equal((await openTokens(directory, root)).list().length, 3)
})

test('a damaged file of tokens is refused, and not written over', async (t) => {
  const directory = folder(t)
  writeFileSync(join(directory, 'tokens.json'), '{"version":1,"tokens":[{')
  await assert.rejects(openTokens(directory, root), { code: 'TURNOUT_TOKENS_FAILED' })
})

test('over the API a token is shown once, listed without its secret, and taken away at once', async (t) => {
  const { send } = await open(t)
  const body = { name: 'team', scopes: ['read', 'write:/team'], expiresIn: '1h' }
  const made = await send('POST', '/api/tokens', { body })
  assert.equal(made.status, 201)
  const { token, id } = made.body as { token: string; id: string }
  assert.equal(made.headers.location, `/api/tokens/${id}`)
  assert.equal(made.headers['cache-control'], 'no-store')
  const listed = await send('GET', '/api/tokens')
  assert.ok(!listed.text.includes(token))
  assert.ok(!(await send('GET', `/api/tokens/${id}`)).text.includes(token))
  assert.equal((await send('GET', '/api/routes', { token })).status, 200)
  assert.equal((await send('POST', '/api/tokens', { body })).status, 409)
  assert.equal((await send('DELETE', `/api/tokens/${id}`)).status, 204)
  assert.equal((await send('GET', '/api/routes', { token })).status, 401)
  assert.equal((await send('DELETE', `/api/tokens/${id}`)).status, 404)
  for (const scopes of [[], ['nonsense'], ['write:/a/:b']]) {
    assert.equal((await send('POST', '/api/tokens', { body: { name: 'x', scopes } })).status, 422)
  }
})

test('wrong tokens lock an address out for longer each time, and others not at all', () => {
  const lockOut = createLockOut()
  for (let at = 0; at < 4; at += 1) lockOut.fail('a', 0)
  assert.equal(lockOut.waitMs('a', 0), 0)
  lockOut.fail('a', 0)
  assert.equal(lockOut.waitMs('a', 0), 1_000)
  lockOut.fail('a', 1_000)
  assert.equal(lockOut.waitMs('a', 1_000), 2_000)
  for (let at = 0; at < 40; at += 1) lockOut.fail('a', 2_000)
  assert.equal(lockOut.waitMs('a', 2_000), 60_000)
  assert.equal(lockOut.waitMs('b', 2_000), 0)
  lockOut.succeed('a')
  assert.equal(lockOut.waitMs('a', 2_000), 0)
})
