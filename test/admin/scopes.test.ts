import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayWriteRoute, parseScope } from '../../src/admin/scope.ts'
import { open, target } from './support/open.ts'

const rows: readonly (readonly [scope: string, paths: readonly string[], may: boolean])[] = [
  ['write:/api', ['/api'], true],
  ['write:/api', ['/api/'], true],
  ['write:/api', ['/api/users/:id'], true],
  ['write:/api', ['/api/*rest'], true],
  ['write:/api/', ['/api/users'], true],
  ['write:/api', ['/apis'], false],
  ['write:/api', ['/:any'], false],
  ['write:/api', ['/*rest'], false],
  ['write:/api', ['/api/:id', '/other'], false],
  ['write:/api', ['/API/users'], false],
  ['write:/api', ['/api/../secret'], false],
  ['write:/', ['/anything/:id'], true],
  ['write:/caf%C3%A9', ['/café/menu'], true],
  ['write:admin', ['/anything'], true],
  ['write:files:users', ['/anything'], false],
  ['read', ['/api'], false],
  ['deploy', ['/api'], false],
  ['admin', ['/api'], true],
]

for (const [text, paths, may] of rows) {
  test(`${text} ${may ? 'may' : 'may not'} write ${paths.join(' and ')} of admin`, () => {
    const scope = parseScope(text)
    assert.ok(typeof scope !== 'string')
    assert.equal(mayWriteRoute([scope], { owner: 'admin', paths }), may)
  })
}

for (const text of [
  '',
  'write',
  'write:',
  'writer:x',
  'write:/a/:id',
  'write:/a/*',
  'read ',
  'write:a b',
]) {
  test(`${JSON.stringify(text)} is no scope`, () => {
    assert.equal(typeof parseScope(text), 'string')
  })
}

test('a token for a path writes below it, and nothing that is or would be elsewhere', async (t) => {
  const { send, token } = await open(t)
  await send('POST', '/api/routes', { body: { id: 'other', path: '/other', target } })
  const own = await token('team', 'read', 'write:/team')
  const as = { token: own, headers: { 'if-match': '*' } }
  const statuses = async (...sent: readonly Parameters<typeof send>[]): Promise<number[]> => {
    const found: number[] = []
    for (const one of sent) found.push((await send(...one)).status)
    return found
  }
  assert.deepEqual(
    await statuses(
      ['POST', '/api/routes', { ...as, body: { id: 'mine', path: '/team/a', target } }],
      ['POST', '/api/routes', { ...as, body: { id: 'no', path: '/elsewhere', target } }],
      ['PUT', '/api/routes/mine', { ...as, body: { path: '/team/b', target } }],
      ['PUT', '/api/routes/mine', { ...as, body: { path: '/elsewhere', target } }],
      [
        'PATCH',
        '/api/routes/mine',
        { ...as, body: { path: null, paths: ['/team/b', '/elsewhere'] } },
      ],
      ['PUT', '/api/routes/other', { ...as, body: { path: '/team/c', target } }],
      ['PATCH', '/api/routes/other', { ...as, body: { enabled: false } }],
      ['DELETE', '/api/routes/other', as],
      ['POST', '/api/changes', { ...as, body: { disable: ['other'] } }],
      ['POST', '/api/changes?force=true', { ...as, body: { routes: { remove: ['other'] } } }],
      ['POST', '/api/changes', { ...as, body: { modules: { remove: ['other'] } } }],
      ['POST', '/api/upstreams', { ...as, body: { name: 'u', endpoints: ['http://127.0.0.1:9'] } }],
      ['POST', '/actuator/gateway/routes/other', { ...as, body: { path: '/team/d', target } }],
      ['DELETE', '/actuator/gateway/routes/other', as],
      ['DELETE', '/api/routes/mine', as],
    ),
    [201, 403, 200, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 204],
  )
})
