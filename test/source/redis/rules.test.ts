import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderRoute, renderUpstream } from '../../../src/core/route/parse.ts'
import { loadRedisClient } from '../../../src/source/redis/client.ts'
import { readRules } from '../../../src/source/redis/rules.ts'
import { readRedisUrl, withoutSecrets } from '../../../src/source/redis/url.ts'

const owner = 'redis:rules'
const byHost = (host: string, uri: string) => ({
  id: `${owner}#${host}`,
  path: '/*',
  predicates: [{ kind: 'host', patterns: [host] }],
  target: { uri },
})
const terms = { id: 'terms', path: '/terms', target: { respond: { status: 200, body: 'pay' } } }
const shop = { name: 'shop', endpoints: [{ url: 'http://10.0.0.1:8080', weight: 1 }] }

const taken: readonly (readonly [string, unknown, readonly unknown[], readonly unknown[]])[] = [
  [
    'the short form',
    [{ host: 'A.example.test', backend: 'http://10.0.0.1:8080' }],
    [byHost('a.example.test', 'http://10.0.0.1:8080')],
    [],
  ],
  [
    'a backend without a scheme, and a host with wildcards',
    [
      { host: '*.example.test', backend: '10.0.0.1:8080' },
      { host: 'localhost', backend: 'back-end:81' },
    ],
    [byHost('*.example.test', 'http://10.0.0.1:8080'), byHost('localhost', 'http://back-end:81')],
    [],
  ],
  [
    'backends by host',
    { 'a.test': 'https://10.0.0.1', localhost: '10.0.0.2:81' },
    [byHost('a.test', 'https://10.0.0.1'), byHost('localhost', 'http://10.0.0.2:81')],
    [],
  ],
  ['a list of routes of our own shape', [terms], [terms], []],
  ['routes and upstreams', { routes: [terms], upstreams: [shop] }, [terms], [shop]],
  ['upstreams alone', { upstreams: [shop] }, [], [shop]],
  [
    'our own shape, the short form and definitions of Spring in one list',
    [terms, { host: 'a.test', backend: '10.0.0.1:1' }, { id: 's', uri: 'http://10.0.0.9:1' }],
    [
      terms,
      byHost('a.test', 'http://10.0.0.1:1'),
      { id: 's', path: '/*', target: { uri: 'http://10.0.0.9:1' } },
    ],
    [],
  ],
  ['nothing, said out loud', { empty: true }, [], []],
]

for (const [name, value, routes, upstreams] of taken) {
  test(`rules: ${name}`, async () => {
    const rules = await readRules(JSON.stringify(value), owner)
    assert.equal(rules.kind, 'set', JSON.stringify(rules))
    assert.ok(rules.kind === 'set')
    const json = (list: readonly unknown[]) => JSON.parse(JSON.stringify(list)) as unknown
    assert.deepEqual(json(rules.routes.map(renderRoute)), routes)
    assert.deepEqual(json(rules.upstreams.map(renderUpstream)), upstreams)
    for (const one of [...rules.routes, ...rules.upstreams]) assert.equal(one.owner, owner)
  })
}

for (const text of [
  '',
  ' \n',
  '[]',
  '{}',
  '{"routes":[]}',
  '{"routes":[],"upstreams":[]}',
  '{"empty":false}',
]) {
  test(`rules that say nothing: ${JSON.stringify(text)}`, async () => {
    assert.deepEqual(await readRules(text, owner), { kind: 'empty' })
  })
}

const refused: readonly (readonly [string, RegExp])[] = [
  ['[{"host":"a.test","backend":"x"}', /^line 1, column 33: expected ]/],
  ['[{"host":"a.test","host":"b.test"}]', /^line 1, column 19: the key "host" stands twice/],
  ['"a"', /a list or an object/],
  ['[{"host":"a.test"}]', /^\/0\/backend: .*the backend is missing/],
  ['[{"host":"a.test","backend":"x","path":"/"}]', /^\/0\/path: .*a rule has no "path"/],
  ['[{"host":"a..test","backend":"x"}]', /^\/0\/host: .*no empty label/],
  ['[{"host":"a.test","backend":"ftp://x/"}]', /^\/0\/backend: /],
  ['[{"host":"a.test","backend":"http://169.254.169.254"}]', /^\/0\/backend: /],
  [
    '[{"host":"a.test","backend":"x"},{"host":"A.test","backend":"y"}]',
    /^\/1: .*"redis:rules#a.test" stands there twice/,
  ],
  ['{"a.test":"ftp://x/"}', /^\/a.test\/backend: /],
  ['{"routes":{}}', /^\/routes: .*a list/],
  ['{"route":[]}', /^\/route: .*did you mean routes/],
  ['{"empty":true,"routes":[]}', /^\/empty: .*it stands alone/],
  ['{"upstreams":[{"name":"a","endpoints":[]}]}', /^\/upstreams\/0\/endpoints: /],
  ['{"routes":[{"id":"a"},{"id":"b"}]}', /^\/routes\/0: .* and \d+ more problems$/],
]

for (const [text, reason] of refused) {
  test(`rules that are refused: ${text}`, async () => {
    const rules = await readRules(text, owner)
    assert.ok(rules.kind === 'broken')
    assert.match(rules.reason, reason)
  })
}

const urls: readonly (readonly [string, string, number])[] = [
  ['redis://10.0.0.1', 'redis://10.0.0.1:6379/0', 0],
  ['rediss://cache.test:6380/3', 'rediss://cache.test:6380/3', 3],
  ['redis://user:pa%20ss@cache.test', 'redis://***@cache.test:6379/0', 0],
  ['redis://:secret@[::1]:7000/', 'redis://***@[::1]:7000/0', 0],
]

for (const [url, shown, database] of urls) {
  test(`a URL of Redis: ${url}`, () => {
    const place = readRedisUrl(url)
    assert.ok(typeof place === 'object')
    assert.equal(place.shown, shown)
    assert.equal(place.database, database)
    assert.equal(
      withoutSecrets('pa ss, pa%20ss and\nsecret', place).includes('ss,'),
      !url.includes('pa%20ss'),
    )
    assert.equal(withoutSecrets('secret', place), url.includes('secret') ? '***' : 'secret')
  })
}

for (const url of [
  'http://u:s3cret@cache.test',
  'redis://',
  'redis://u:s3cret@cache.test/db',
  'redis://u:s3cret@cache.test/0?x=1',
  's3cret',
]) {
  test(`a URL that is refused, without being shown: ${url}`, () => {
    const reason = readRedisUrl(url)
    assert.ok(typeof reason === 'string')
    assert.doesNotMatch(reason, /s3cret/)
  })
}

test('without its package the source says what to install', async () => {
  await assert.rejects(loadRedisClient('@redis/not-there'), {
    code: 'TURNOUT_REDIS_CLIENT_MISSING',
    message: /Rules from Redis need the package @redis\/client/,
  })
})
