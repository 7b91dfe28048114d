import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { AuditEntry } from '../../src/admin/audit-chain.ts'
import { openAudit, verifyAudit } from '../../src/admin/audit.ts'
import { failpoints } from '../../src/core/failpoint.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { open, root, target } from './support/open.ts'

const serving = { revision: 3, digest: 'd3' }
const options = { logger: silentLogger, now: () => 1_700_000_000_000 }

const folder = (t: Pick<TestContext, 'after'>): string => {
  const directory = mkdtempSync(join(tmpdir(), 'turnout-audit-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const intent = (id: string): AuditEntry => ({
  kind: 'intent',
  id,
  who: 'somebody',
  token: 'f00',
  from: '127.0.0.1',
  method: 'PUT',
  target: '/api/routes/a',
  body: null,
  ...serving,
})

const result = (id: string): AuditEntry => ({
  kind: 'result',
  id,
  status: 200,
  code: null,
  ...serving,
})

const linesOf = (directory: string): string[] =>
  readFileSync(join(directory, 'audit.ndjson'), 'utf8').trimEnd().split('\n')

/** A log of 20 requests that ended well. */
const filled = async (t: Pick<TestContext, 'after'>): Promise<string> => {
  const directory = folder(t)
  const audit = await openAudit(directory, serving, options)
  await Promise.all(
    Array.from({ length: 20 }, (_, at) => [
      audit.write(intent(`${at}`)),
      audit.write(result(`${at}`)),
    ]).flat(),
  )
  await audit.close()
  return directory
}

test('records follow each other in the order of their requests, and the chain holds', async (t) => {
  const directory = await filled(t)
  const records = linesOf(directory).map(
    (line) => JSON.parse(line) as { number: number; id?: string },
  )
  assert.equal(records.length, 41)
  assert.deepEqual(
    records.map(({ number }) => number),
    Array.from({ length: 41 }, (_, at) => at + 1),
  )
  const { fault, head, open } = await verifyAudit(directory)
  assert.equal(fault, null)
  assert.equal(head.records, 41)
  assert.deepEqual(open, [])
  assert.equal(statSync(join(directory, 'audit.ndjson')).mode & 0o777, 0o600)
})

const tampers: readonly (readonly [
  name: string,
  tamper: (lines: string[]) => string[],
  line: number,
])[] = [
  ['a byte is changed', (lines) => lines.with(6, lines[6]!.replace('2023', '2024')), 7],
  ['a line is taken out', (lines) => lines.toSpliced(6, 1), 7],
  ['two lines are exchanged', (lines) => lines.with(6, lines[7]!).with(7, lines[6]!), 7],
  ['a line is put in', (lines) => lines.toSpliced(6, 0, lines[5]!), 7],
  ['the first line is gone', (lines) => lines.slice(1), 1],
  ['the end is cut off', (lines) => lines.slice(0, 30), 31],
  ['everything is gone', () => [], 1],
]

for (const [name, tamper, line] of tampers) {
  test(`${name}: it is found, put aside as evidence, and a new log names it`, async (t) => {
    const directory = await filled(t)
    const path = join(directory, 'audit.ndjson')
    const lines = tamper(linesOf(directory))
    writeFileSync(path, lines.map((one) => `${one}\n`).join(''))
    assert.equal((await verifyAudit(directory)).fault?.line, line)

    const told: unknown[] = []
    const logger = { ...silentLogger, error: (message: string) => void told.push(message) }
    const audit = await openAudit(directory, serving, { ...options, logger })
    await audit.close()
    assert.equal(told.length, 1)
    const [damaged] = readdirSync(directory).filter((file) => file.startsWith('audit-damaged'))
    assert.equal((JSON.parse(linesOf(directory)[0]!) as { damaged: string }).damaged, damaged)
    assert.equal((await verifyAudit(directory)).fault, null)
  })
}

test('a result that left with what was being written leaves nothing behind that waits', async (t) => {
  const directory = folder(t)
  const audit = await openAudit(directory, serving, options)
  const first = audit.write(intent('a'))
  // Comes while the intent is on its way: it waits for company, and the same loop takes it along.
  await Promise.all([first, audit.write(result('b'))])
  await new Promise((resolve) => setTimeout(resolve, 300))
  await audit.write(intent('c'))
  await audit.close()
  assert.equal((await verifyAudit(directory)).fault, null)
  assert.equal(linesOf(directory).length, 4)
})

test('every byte of the log counts', async (t) => {
  const directory = folder(t)
  const audit = await openAudit(directory, serving, options)
  await audit.write(intent('a'))
  await audit.close()
  const path = join(directory, 'audit.ndjson')
  const whole = readFileSync(path)
  for (let at = 0; at < whole.length - 1; at += 1) {
    const bytes = Buffer.from(whole)
    bytes[at] = bytes[at]! ^ 1
    writeFileSync(path, bytes)
    assert.notEqual((await verifyAudit(directory)).fault, null, `byte ${at}`)
  }
})

test('a crash in the middle of a line is no tampering, and the chain goes on', async (t) => {
  const directory = await filled(t)
  const path = join(directory, 'audit.ndjson')
  writeFileSync(path, '{"number":42,"at":"20', { flag: 'a' })
  const audit = await openAudit(directory, serving, options)
  await audit.write(intent('after'))
  await audit.close()
  const { fault, head } = await verifyAudit(directory)
  assert.equal(fault, null)
  assert.equal(head.records, 43)
})

test('an intent that the process did not outlive is marked: aborted where nothing came of it', async (t) => {
  const directory = folder(t)
  const first = await openAudit(directory, serving, options)
  await first.write(intent('one'))
  await first.close()
  const same = await openAudit(directory, serving, options)
  await same.write(intent('two'))
  await same.close()
  const later = await openAudit(directory, { revision: 4, digest: 'd4' }, options)
  await later.close()
  const marks = linesOf(directory)
    .map((line) => JSON.parse(line) as { kind: string; id?: string })
    .filter(({ kind }) => kind === 'aborted' || kind === 'unknown')
    .map(({ kind, id }) => [kind, id])
  assert.deepEqual(marks, [
    ['aborted', 'one'],
    ['unknown', 'two'],
  ])
})

test('a change is written down before it is made, with who and what, and without secrets', async (t) => {
  const opened = await open(t)
  const { send, token, directory, publisher } = opened
  const own = await token('team', 'write:admin')
  const revisions: number[] = []
  failpoints.reach = (name) => {
    if (name !== 'audit.intent') return
    assert.equal((JSON.parse(linesOf(directory).at(-1)!) as { kind: string }).kind, 'intent')
    revisions.push(publisher.current.revision.number)
  }
  t.after(() => (failpoints.reach = null))
  const body = { id: 'a', path: '/a', target, metadata: { note: 'canary-4711' } }
  await send('POST', '/api/routes', { token: own, body })
  await send('POST', '/api/routes', { token: own, body })
  await send('GET', '/api/routes', {})
  await send('POST', '/api/routes', { token: null, body })
  await send('POST', '/api/tokens', { body: { name: 'new', scopes: ['read'] } })
  await opened.audit.write({ kind: 'opened', ...serving, damaged: null })
  const lines = linesOf(directory)
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const kinds = records.map(({ kind, who, status }) => [kind, who ?? status ?? null])
  assert.deepEqual(kinds, [
    ['opened', null],
    ['intent', 'team'],
    ['result', 201],
    ['intent', 'team'],
    ['result', 409],
    ['intent', 'admin-token'],
    ['result', 201],
    ['opened', null],
  ])
  assert.deepEqual(revisions, [0, 1, 1])
  assert.equal(records[1]!['id'], records[2]!['id'])
  assert.equal(records[1]!['from'], '127.0.0.1')
  assert.notEqual(records[1]!['digest'], records[2]!['digest'])
  const text = lines.join('\n')
  for (const secret of [own, root, 'canary-4711']) assert.ok(!text.includes(secret))
})

test('nothing is changed that cannot be written down', async (t) => {
  const opened = await open(t)
  await opened.audit.close()
  const answer = await opened.send('POST', '/api/routes', { body: { id: 'a', path: '/a', target } })
  assert.equal(answer.status, 503)
  assert.equal(answer.body.code, 'TURNOUT_AUDIT_FAILED')
  assert.equal(opened.publisher.current.revision.number, 0)
})
