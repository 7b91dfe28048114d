import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAdminClient } from '../../src/admin/client.ts'
import { makeFolder, save, startServe } from './support/served.ts'

test('a config gives the admin API a certificate, with paths relative to it', async (t) => {
  const folder = makeFolder(t, {
    'a.js': `export default { register: (r) => void r.get('/a', (c) => c.text('a')) }`,
  })
  const made = spawnSync(
    'openssl',
    [
      ...'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost'.split(' '),
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      join(folder, '.key.pem'),
      '-out',
      join(folder, '.cert.pem'),
    ],
    { encoding: 'utf8' },
  )
  if (made.error !== undefined) return t.skip('openssl is missing')
  assert.equal(made.status, 0, made.stderr)
  const tls = { key: '.key.pem', cert: '.cert.pem' }
  save(folder, 'turnout.config.json', JSON.stringify({ admin: { tls } }))
  const { admin, data } = await startServe(t, folder)
  assert.match(admin, /^https:/)
  const token = readFileSync(join(data, 'admin-token'), 'utf8').trim()
  const ca = readFileSync(join(folder, '.cert.pem'), 'utf8')
  const status = await createAdminClient({ url: admin, token, ca }).status()
  assert.ok(status.ok)
  assert.equal(status.body.revision, 1)
})
