import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applied, openEmbedded, refused } from './support/embedded.ts'
import { ask as askAt, makeFolder } from './support/served.ts'

const version = (text: string, lifecycle: unknown): string => `export default {
  version: '${text}',
  lifecycle: ${JSON.stringify(lifecycle)},
  register(routes) {
    routes.get('/users', (c) => c.text('${text}'))
  },
}
`

test('a module says where it is in its life, and its answers tell', async (t) => {
  const links = { deprecation: 'https://example.test/v1', successor: '/v2' }
  const deprecated = {
    state: 'deprecated',
    deprecatedAt: '2023-06-30T23:59:59Z',
    sunsetAt: '2999-06-30T23:59:59Z',
    links,
  }
  const folder = makeFolder(t, { 'users.js': version('1.0.0', deprecated) })
  const { port, saved } = await openEmbedded(t, folder)
  const { status, headers } = await askAt(port, '/users')
  assert.equal(status, 200)
  assert.equal(headers['deprecation'], '@1688169599')
  assert.equal(headers['sunset'], 'Sun, 30 Jun 2999 23:59:59 GMT')
  assert.match(String(headers['link']), /<\/v2>; ?rel="successor-version"/)

  await saved(
    { 'users.js': version('1.0.1', { state: 'retired', links }) },
    applied('users', '1.0.1'),
  )
  assert.equal((await askAt(port, '/users')).status, 410)

  await saved(
    { 'users.js': version('1.0.2', { state: 'over' }) },
    refused('users', 'TURNOUT_MODULE_EXPORT_INVALID'),
  )
  await saved({ 'users.js': version('1.0.3', { state: 'maintenance' }) }, applied('users', '1.0.3'))
  assert.equal((await askAt(port, '/users')).headers['deprecation'], undefined)
})
