import assert from 'node:assert/strict'
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import type { Filter } from '../../src/core/route/filter.ts'
import { samples } from '../gateway/filters/samples.ts'
import { openProxy, route } from './support/proxy.ts'
import { openRecording } from './support/recording.ts'
import { rows, runTable, type Between } from './table/run.ts'

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`

const answered = (fields: string, body = 'ok'): string =>
  `HTTP/1.1 200 OK\r\nX-Upstream: yes\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`

interface Chain extends Between {
  readonly filters: readonly Filter[]
  readonly answer?: string
}

const folder = mkdtempSync(join(tmpdir(), 'turnout-keys-'))
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
writeFileSync(
  join(folder, 'key.pem'),
  createPublicKey(pair.privateKey).export({ type: 'spki', format: 'pem' }),
)
const token = await new SignJWT({ sub: 'a' })
  .setProtectedHeader({ alg: 'ES256' })
  .setIssuer('https://issuer.test')
  .setAudience('shop')
  .setExpirationTime('1h')
  .sign(pair.privateKey)

const bodyless = ['GET', 'HEAD', 'OPTIONS']

const chains: Readonly<Record<string, Chain>> = {
  'key-auth': {
    filters: [
      { ...samples['key-auth'], clients: [{ name: 'a', secret: sha256('key') }] } as Filter,
    ],
    fields: 'X-Api-Key: key\r\n',
  },
  'basic-auth': {
    filters: [
      { ...samples['basic-auth'], clients: [{ name: 'a', secret: sha256('b') }] } as Filter,
    ],
    fields: 'Authorization: Basic YTpi\r\n',
  },
  jwt: {
    filters: [
      {
        ...samples.jwt,
        algorithms: ['ES256'],
        jwks: null,
        key: `file:${join(folder, 'key.pem')}`,
      } as Filter,
    ],
    fields: `Authorization: Bearer ${token}\r\n`,
  },
  'ip-filter': { filters: [samples['ip-filter']] },
  compress: {
    filters: [samples.compress],
    fields: 'Accept-Encoding: gzip\r\n',
    answer: answered('Content-Type: text/plain\r\n'),
  },
  'response-cache': {
    filters: [samples['response-cache']],
    answer: answered('Cache-Control: no-store\r\n'),
  },
  'request-template': {
    filters: [{ ...samples['request-template'], body: '{"made":1}' } as Filter],
    bodyOf: (_, method) => (bodyless.includes(method) ? _ : '{"made":1}'),
  },
  'response-template': {
    filters: [
      { ...samples['response-template'], body: '{"all":{body}}', when: 'always' } as Filter,
    ],
  },
}

for (const [at, [kind, { filters, answer = answered(''), ...between }]] of Object.entries(
  chains,
).entries())
  test(`${kind} leaves the framing of requests right`, async (t) => {
    // Each filter meets other rows; together they meet all.
    const step = Object.keys(chains).length
    const sample = rows.filter((_, row) => row % step === at)
    const isHead = (method: string): boolean => method === 'HEAD'
    const recording = await openRecording(t, {
      answer: ({ method }) => (isHead(method) ? answer.replace(/ok$/, '') : answer),
    })
    const proxy = await openProxy(t, [route('/*rest', recording.url, { filters })])
    const told = await runTable(proxy.port, recording, false, { rows: sample, ...between })
    assert.deepEqual(told.wrong, [])
    assert.ok(told.forwarded > 50, `${told.forwarded} forwarded`)
    assert.deepEqual(recording.faults, [])
    assert.deepEqual(proxy.errors, [])
    await proxy.quiet()
  })

test('the folder of keys goes', () => rmSync(folder, { recursive: true }))
