import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createTurnout } from '../../src/turnout.ts'
import { askRaw, get } from '../proxy/support/client.ts'

const canary = 'canary-9c4d-not-to-be-shown'

const routeOf = (id: string, filter: object): object => ({
  id,
  path: `/${id}`,
  target: { respond: { status: 200, body: 'in' } },
  filters: [filter],
})

const jwt = { kind: 'jwt', algorithms: ['RS256'], issuer: 'i', audiences: ['a'] }

/** Where an author may write a secret by mistake. */
const mistakes: readonly object[] = [
  { kind: 'key-auth', clients: [{ name: 'a', secret: canary }] },
  { kind: 'key-auth', clients: [{ name: 'a', secret: `plain:${canary}` }] },
  { kind: 'key-auth', clients: [{ name: 'a', secret: { text: canary } }] },
  { kind: 'key-auth', clients: [canary] },
  { kind: 'key-auth', clients: canary },
  { kind: 'basic-auth', clients: [{ name: 'a', password: canary }] },
  { kind: 'basic-auth', clients: [{ name: `a:${canary}`, secret: 'env:A' }] },
  { ...jwt, algorithms: ['HS256'], key: canary },
]

test('a secret is in no answer of the admin API, no log, no audit and no file of the instance', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'turnout-secrets-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  process.env['TURNOUT_TEST_CANARY'] = canary
  t.after(() => delete process.env['TURNOUT_TEST_CANARY'])
  const logged: string[] = []
  const log = (...line: readonly unknown[]): void => void logged.push(JSON.stringify(line))
  const turnout = createTurnout({
    logger: { debug: log, info: log, warn: log, error: log } as never,
  })
  t.after(() => turnout.close(1_000))
  const { url, firstToken } = await turnout.admin({ port: 0, directory })
  const { port } = await turnout.listen({ port: 0 })
  const shown: string[] = []
  const ask = async (path: string, body?: object): Promise<number> => {
    const answer = await fetch(url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${firstToken.token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    shown.push(await answer.text(), JSON.stringify([...answer.headers]))
    return answer.status
  }
  for (const [at, mistake] of mistakes.entries())
    assert.equal(
      await ask('/api/routes', routeOf(`bad-${at}`, mistake)),
      422,
      JSON.stringify(mistake),
    )
  const own = { ...jwt, jwks: `${url}/api/routes` }
  assert.equal(await ask('/api/routes', routeOf('own', own)), 422)
  assert.match(shown.at(-2)!, /TURNOUT_URI_FORBIDDEN.*it is the admin API.*\/filters\/0\/jwks/)
  const good = { kind: 'key-auth', clients: [{ name: 'a', secret: 'env:TURNOUT_TEST_CANARY' }] }
  assert.equal(await ask('/api/routes', routeOf('good', good)), 201)
  const statuses: number[] = []
  for (const key of [canary, `${canary}-else`]) {
    const answer = await askRaw(port, get('/good', `X-Api-Key: ${key}\r\n`))
    statuses.push(answer.status)
    shown.push(JSON.stringify(answer))
  }
  assert.deepEqual(statuses, [200, 401])
  for (const path of [
    '/api/routes',
    '/api/routes/good',
    '/api/revisions',
    '/api/audit',
    '/api/upstreams',
  ])
    await ask(path)
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
  const all = [...shown, ...logged, ...files].join('\n')
  assert.ok(all.includes('env:TURNOUT_TEST_CANARY'))
  assert.ok(!all.includes(canary), all.slice(all.indexOf(canary) - 200, all.indexOf(canary) + 60))
})
