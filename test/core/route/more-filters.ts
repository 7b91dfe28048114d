// Rows of filters that decide who may pass, and of such that work on bodies.

const sha256 = `sha256:${'a'.repeat(64)}`
const scrypt = `scrypt:16384:8:1:${'s'.repeat(22)}:${'h'.repeat(43)}`
/** Stands where a secret does not belong: no problem may show it. */
export const canary = 'canary-7f3a'

const asking = { identityHeader: 'turnout-client', forward: false, realm: 'gateway' }
const jwt = {
  kind: 'jwt',
  algorithms: ['RS256'],
  issuer: 'https://issuer.test',
  audiences: ['shop'],
  jwks: 'https://issuer.test/keys',
}
const jwtRead = {
  ...jwt,
  key: null,
  clockToleranceMs: 30_000,
  required: {},
  claims: {},
  ...asking,
}
const template = { contentType: 'application/json', missing: 'empty', maxBytes: 65_536 }

/** What is said, and what is read. */
export const acceptedMore: readonly (readonly [object, object])[] = [
  [
    { kind: 'key-auth', clients: [{ name: 'acme', secret: 'env:ACME_KEY' }] },
    {
      kind: 'key-auth',
      header: 'x-api-key',
      query: null,
      clients: [{ name: 'acme', secret: 'env:ACME_KEY' }],
      ...asking,
    },
  ],
  [
    {
      kind: 'key-auth',
      header: null,
      query: 'key',
      clients: [{ name: 'a', secret: sha256 }],
      identityHeader: 'X-Client',
      forward: true,
      realm: 'shop',
    },
    {
      kind: 'key-auth',
      header: null,
      query: 'key',
      clients: [{ name: 'a', secret: sha256 }],
      identityHeader: 'x-client',
      forward: true,
      realm: 'shop',
    },
  ],
  [
    { kind: 'basic-auth', clients: [{ name: 'a', secret: scrypt }] },
    { kind: 'basic-auth', clients: [{ name: 'a', secret: scrypt }], ...asking },
  ],
  [jwt, jwtRead],
  [
    {
      ...jwt,
      algorithms: ['HS256'],
      jwks: null,
      key: 'file:/run/secrets/jwt',
      required: { role: 'admin', scope: ['a', 'b'] },
      claims: { tenant: 'X-Tenant' },
      clockToleranceMs: '1m',
    },
    {
      ...jwtRead,
      algorithms: ['HS256'],
      jwks: null,
      key: 'file:/run/secrets/jwt',
      required: { role: ['admin'], scope: ['a', 'b'] },
      claims: { tenant: 'x-tenant' },
      clockToleranceMs: 60_000,
    },
  ],
  [
    { kind: 'ip-filter', deny: ['10.0.0.0/8', 'fd00::1'] },
    { kind: 'ip-filter', allow: [], deny: ['10.0.0.0/8', 'fd00::1'] },
  ],
  [
    { kind: 'compress', encodings: ['gzip'], types: ['Text/*'], minBytes: 0 },
    { kind: 'compress', encodings: ['gzip'], types: ['text/*'], minBytes: 0, eventStreams: false },
  ],
  [
    { kind: 'response-cache' },
    { kind: 'response-cache', timeToLiveMs: 300_000, maxBytes: 16_777_216 },
  ],
  [
    {
      kind: 'request-template',
      body: '{"id":"{param.x}","q":{query.page},"all":{body},"n":{"m":[{body./a/0}]}}',
    },
    {
      kind: 'request-template',
      ...template,
      body: '{"id":"{param.x}","q":{query.page},"all":{body},"n":{"m":[{body./a/0}]}}',
    },
  ],
  [
    {
      kind: 'response-template',
      contentType: 'text/plain; charset=utf-8',
      body: 'Hello {header.X-Name} {{name}',
      when: 'always',
      missing: 'refuse',
    },
    {
      kind: 'response-template',
      ...template,
      contentType: 'text/plain; charset=utf-8',
      body: 'Hello {header.X-Name} {{name}',
      when: 'always',
      missing: 'refuse',
    },
  ],
]

const client = (secret: unknown): object => ({
  kind: 'key-auth',
  clients: [{ name: 'a', secret }],
})
const json = (body: string): object => ({ kind: 'request-template', body })

export const refusedMore: readonly (readonly [unknown, RegExp])[] = [
  [
    client(canary),
    /^\/filters\/0\/clients\/0\/secret a secret is never written in a table: env:NAME/,
  ],
  [client(`plain:${canary}`), /never written in a table/],
  [client(`env:${canary} x`), /never written in a table/],
  [client('sha256:abc'), /never written in a table/],
  [client('file:relative'), /never written in a table/],
  [client('file:/a/../b'), /never written in a table/],
  [client(scrypt), /never written in a table/],
  [client({ [canary]: 1 }), /never written in a table/],
  [{ kind: 'key-auth', clients: [canary] }, /\/clients\/0 a client is an object/],
  [{ kind: 'key-auth', clients: canary }, /\/clients clients is a list/],
  [{ kind: 'key-auth', clients: [] }, /\/clients clients has at least 1/],
  [
    { kind: 'key-auth', clients: [{ name: 'a:b', secret: sha256 }] },
    /the name of a client is 1 to 128 characters/,
  ],
  [
    {
      kind: 'key-auth',
      clients: [
        { name: 'a', secret: sha256 },
        { name: 'b', secret: sha256 },
      ],
    },
    /\/clients\/1\/secret two clients have the same secret/,
  ],
  [
    { kind: 'key-auth', header: null, clients: [{ name: 'a', secret: sha256 }] },
    /a key stands in a header or in the query/,
  ],
  [
    { kind: 'key-auth', realm: 'a"b', clients: [{ name: 'a', secret: sha256 }] },
    /\/realm a realm is ASCII without quotes/,
  ],
  [
    { kind: 'key-auth', identityHeader: 'Host', clients: [{ name: 'a', secret: sha256 }] },
    /\/identityHeader host is that of the endpoint/,
  ],
  [
    {
      kind: 'basic-auth',
      clients: [{ name: 'a', secret: scrypt.replace('16384', '16385') }],
    },
    /never written in a table/,
  ],
  [
    { kind: 'basic-auth', clients: [{ name: 'a', secret: scrypt.replace(':8:', ':99:') }] },
    /never written in a table/,
  ],
  [{ ...jwt, algorithms: ['none'] }, /\/algorithms\/0 an algorithm is one of RS256/],
  [{ ...jwt, algorithms: ['HS256'] }, /\/algorithms algorithms by a secret .* stand alone/],
  [
    { ...jwt, jwks: null, key: 'env:K', algorithms: ['RS256', 'HS256'] },
    /\/algorithms algorithms by a secret .* stand alone/,
  ],
  [{ ...jwt, key: 'env:K' }, /^\/filters\/0 a jwt has either key or jwks$/],
  [{ ...jwt, jwks: null }, /^\/filters\/0 a jwt has either key or jwks$/],
  [{ ...jwt, jwks: 'http://169.254.169.254/keys' }, /\/jwks .*link-local/],
  [{ ...jwt, jwks: 'unix:/a.sock' }, /\/jwks .* not http or https/],
  [{ ...jwt, claims: { sub: 'turnout-client' } }, /\/claims two of the claims/],
  [{ ...jwt, audiences: [] }, /\/audiences audiences has at least 1/],
  [{ kind: 'ip-filter' }, /an ip-filter has allow or deny/],
  [{ kind: 'ip-filter', allow: ['10.0.0.0/33'] }, /\/allow\/0 an address is like/],
  [{ kind: 'compress', encodings: ['deflate'] }, /\/encodings\/0 an encoding is br, gzip/],
  [{ kind: 'compress', types: ['*/*'] }, /\/types\/0 .* no media type/],
  [{ kind: 'response-cache', timeToLiveMs: 0 }, /timeToLiveMs is at least 1 ms/],
  [json('{"a": {param.nope}}'), /\{param\.nope\} is no param of every path/],
  [json('{"a": {params.x}}'), /a placeholder is \{param\.x\}/],
  [json('{"a": {constructor.constructor}}'), /a placeholder is/],
  [json('{"a": ${7*7}'), /is no JSON/],
  [json('{"a": {body.user.name}}'), /a placeholder is/],
  [json('{"a": {body./a~2}}'), /a JSON pointer/],
  [json('{"a": 1{body./a}}'), /is no JSON/],
  [json('{"a": {body./a}{body./b}}'), /is no JSON/],
  [json('{"{query.k}": 1}'), /is no JSON/],
  [json('{"a": "\\{query.k}"}'), /is no JSON/],
  [
    { kind: 'request-template', contentType: 'text/html', body: '' },
    /\/contentType a template is JSON or text\/plain/,
  ],
]
