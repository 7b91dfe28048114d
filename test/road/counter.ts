import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { verifyAudit } from '../../src/admin/audit.ts'
import { makeFolder } from '../hot/support/served.ts'
import { dataFolder, startInstance } from './support/instance.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('support/counter-main.js', import.meta.url))

interface Met {
  readonly done: number
  readonly lost: number
  readonly limited: number
  readonly others: readonly string[]
}

/** 8 clients in 2 processes count up one number; nothing may be lost. Returns what was met. */
export async function countTogether(t: TestContext, increments: number): Promise<string> {
  const folder = makeFolder(t)
  const data = dataFolder(t, folder)
  const instance = await startInstance(t, folder, { data })
  const { send, admin, stop } = instance
  const target = { respond: { status: 200, body: 'x' } }
  const route = { id: 'counter', path: '/counter', target, metadata: { count: 0 } }
  assert.equal((await send('POST', '/api/routes', { body: route })).status, 201)
  const tokens: string[] = []
  for (let number = 0; number < 8; number += 1) {
    const body = { name: `client-${number}`, scopes: ['read', 'write:admin'] }
    const made = await send('POST', '/api/tokens', { body })
    assert.equal(made.status, 201, made.text)
    tokens.push(made.body.token)
  }
  const startedAt = performance.now()
  const mets = await Promise.all(
    [tokens.slice(0, 4), tokens.slice(4)].map(async (some) => {
      const words = JSON.stringify({ url: admin, tokens: some, increments })
      const { stdout } = await run(process.execPath, [script, words])
      return JSON.parse(stdout) as Met
    }),
  )
  const seconds = (performance.now() - startedAt) / 1_000
  const sum = (of: (met: Met) => number): number => mets.reduce((all, met) => all + of(met), 0)
  const found = await send('GET', '/api/routes/counter')
  assert.equal(found.body.metadata.count, 8 * increments)
  assert.equal(
    sum(({ done }) => done),
    8 * increments,
  )
  assert.deepEqual(
    mets.flatMap(({ others }) => others),
    [],
  )
  assert.equal(found.body.revision, 1 + 8 * increments)
  const { items } = (await send('GET', '/api/revisions?limit=1000')).body
  const authors = new Set(
    items.flatMap((row: { author: string; number: number }) =>
      row.number > 1 ? [row.author] : [],
    ),
  )
  assert.ok(authors.size > 1, 'one client alone has counted')
  assert.equal(await stop(), 0)
  assert.equal((await verifyAudit(join(data))).fault, null)
  return `8 clients in 2 processes, ${increments} increments each: ${found.body.metadata.count} in ${seconds.toFixed(1)} s, ${sum(({ lost }) => lost)} lost races tried again, ${sum(({ limited }) => limited)} answers 429`
}
