// What who may deploy modules cannot make the instance believe about them.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAdminClient } from '../../src/admin/client.ts'
import { createBuilder } from '../../src/modules/build.ts'
import { ask, embed } from '../embed/open.ts'

test('an artifact under the digest of another is refused before any of it runs', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'turnout-attack-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'm.js')
  const text = "c => c.text('tried')"
  writeFileSync(
    file,
    `export default { name: 'm', version: '1.0.0', register(r) { r.get('/m', ${text}) } }\n`,
  )
  const builder = createBuilder()
  t.after(() => builder.close())
  const built = await builder.build(file)
  assert.ok(built.ok)
  const { artifact } = built
  const turnout = embed(t)
  const { url, firstToken } = await turnout.admin({ port: 0, directory })
  const client = createAdminClient({ url, token: firstToken.token })
  const upload = (sent: typeof artifact, force: boolean) =>
    client.uploadModule({ body: { name: 'm', artifact: sent }, query: { force } })
  assert.equal((await upload(artifact, false)).status, 201)

  const script = artifact.script.replace('tried', 'forged')
  assert.notEqual(script, artifact.script)
  const forged = { ...artifact, script }
  const planned = await client.change({
    body: { modules: { put: [{ name: 'm', artifact: forged }] }, based_on: turnout.revision },
    query: { dryRun: true },
  })
  for (const sent of [await upload(forged, true), planned]) {
    assert.equal(sent.status, 422)
    assert.match(!sent.ok ? JSON.stringify(sent.problem) : '', /TURNOUT_ARTIFACT_DAMAGED/)
  }
  // Away and back again: what the history knows under this digest is what was tried.
  const { revision } = turnout
  const gone = await client.deleteModule({ params: { name: 'm' }, query: { force: true } })
  assert.equal(gone.status, 204)
  const back = await client.rollBack({ params: { number: String(revision) } })
  assert.equal(back.status, 200)
  assert.equal((await ask(turnout, '/m')).text, 'tried')
})
