import type { Json } from '../json.ts'
import { parseBlock } from '../address.ts'
import type { AccessFilter, ClientSecret, JwtFilter } from './access-filter.ts'
import { readHeaderName } from './filter-fields.ts'
import { duration, flag, kind, type FilterKind } from './filter-kind.ts'
import {
  fieldOf,
  isPlainObject,
  readEntries,
  readList,
  readName,
  readObject,
  readText,
  refuse,
  type Input,
} from './input.ts'
import type { Fields, Read } from './said.ts'
import { readSecret, type Secret } from './secret.ts'
import { parseUri } from './uri.ts'

/** Most clients of one filter, and most addresses of one list. */
const maxClients = 1_000
const maxBlocks = 1_024
const maxClaims = 16
const longestTolerance = 300_000

const byPublicKey: readonly string[] =
  'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')
const bySecret: readonly string[] = ['HS256', 'HS384', 'HS512']

const orNull =
  (read: Read): Read =>
  (field) =>
    field.value === null ? null : read(field)

const asking: Fields = {
  identityHeader: (field) => readHeaderName(field, true),
  forward: flag('forward'),
  realm: readRealm,
}
const usual = { identityHeader: 'turnout-client', forward: false, realm: 'gateway' }

/** Kinds of filters that decide who may pass. */
export const accessKinds: Readonly<Record<AccessFilter['kind'], FilterKind>> = {
  'key-auth': kind(
    {
      header: orNull((field) => readHeaderName(field, true)),
      query: orNull((field) => readText(field, 'the name of a query parameter', 1, 256)),
      clients: (field) => readClients(field, ['env', 'file', 'sha256']),
      ...asking,
    },
    ['clients'],
    { header: 'x-api-key', query: null, ...usual },
    true,
  ),
  'basic-auth': kind(
    {
      clients: (field) => readClients(field, ['env', 'file', 'scrypt', 'sha256']),
      ...asking,
    },
    ['clients'],
    usual,
    true,
  ),
  jwt: kind(
    {
      algorithms: readAlgorithms,
      issuer: (field) => readName(field, 'the issuer'),
      audiences: (field) => readNames(field, 'audiences', 1),
      key: orNull((field) => readSecret(field, ['env', 'file'])),
      jwks: orNull(readAddress),
      clockToleranceMs: duration('clockToleranceMs', longestTolerance),
      required: readRequired,
      claims: readClaims,
      ...asking,
    },
    ['algorithms', 'issuer', 'audiences'],
    { key: null, jwks: null, clockToleranceMs: 30_000, required: {}, claims: {}, ...usual },
    true,
  ),
  'ip-filter': kind({ allow: readBlocks, deny: readBlocks }, [], { allow: [], deny: [] }),
}

/** What their fields say together. */
export function checkAccess(input: Input, filter: AccessFilter): void {
  if (filter.kind === 'ip-filter' && filter.allow.length + filter.deny.length === 0)
    refuse(input, 'an ip-filter has allow or deny')
  if (filter.kind === 'key-auth' && filter.header === null && filter.query === null)
    refuse(input, 'a key stands in a header or in the query')
  if (filter.kind === 'jwt') checkJwt(input, filter)
}

function checkJwt(
  input: Input,
  { algorithms, key, jwks, claims, identityHeader }: JwtFilter,
): void {
  if ((key === null) === (jwks === null)) refuse(input, 'a jwt has either key or jwks')
  const secrets = algorithms.filter((one) => bySecret.includes(one)).length
  // A public key would be taken for a secret that everybody knows.
  if (secrets > 0 && (secrets < algorithms.length || jwks !== null))
    refuse(
      fieldOf(input, 'algorithms'),
      'algorithms by a secret (HS256, ...) stand alone, and with key, not with jwks',
    )
  const fields = Object.values(claims)
  if (new Set([...fields, identityHeader]).size <= fields.length)
    refuse(fieldOf(input, 'claims'), 'two of the claims, or one and the identity, have one header')
}

function readRealm(input: Input): string | undefined {
  const text = readText(input, 'a realm', 1, 128)
  if (text === undefined || /^[ !#-[\]-~]+$/.test(text)) return text
  return refuse(input, 'a realm is ASCII without quotes and backslashes')
}

/** Values of these are never shown: who errs may have written a secret. */
function readClients(input: Input, kinds: readonly Secret['kind'][]): Json | undefined {
  if (!Array.isArray(input.value)) return refuse(input, 'clients is a list')
  const items = readList(input, 'clients', 1, maxClients)
  const seen = new Set<string>()
  return items?.flatMap((item): readonly ClientSecret[] => {
    if (!isPlainObject(item.value)) {
      refuse(item, 'a client is an object { name, secret }')
      return []
    }
    if (!readObject(item, 'a client', ['name', 'secret'])) return []
    const name = readClientName(fieldOf(item, 'name'))
    const secret = readSecret(fieldOf(item, 'secret'), kinds)
    if (name === undefined || secret === undefined) return []
    if (seen.has(secret)) refuse(fieldOf(item, 'secret'), 'two clients have the same secret')
    seen.add(secret)
    return [{ name, secret }]
  })
}

/** It is sent as the value of a field, and is the part of Basic credentials before the colon. */
function readClientName(input: Input): string | undefined {
  const { value } = input
  if (typeof value === 'string' && /^[!-9;-~]{1,128}$/.test(value)) return value
  return refuse(
    input,
    'the name of a client is 1 to 128 characters of ASCII without space and colon',
  )
}

function readNames(input: Input, what: string, least: number): readonly string[] | undefined {
  const items = readList(input, what, least, maxClaims)
  return items && [...new Set(items.flatMap((item) => readName(item, `one of ${what}`) ?? []))]
}

function readAlgorithms(input: Input): readonly string[] | undefined {
  const known = [...byPublicKey, ...bySecret]
  const items = readList(input, 'algorithms', 1, maxClaims)
  return items?.flatMap((item) => {
    const name = known.find((one) => one === item.value)
    if (name === undefined) refuse(item, `an algorithm is one of ${known.join(', ')}`)
    return name ?? []
  })
}

function readAddress(input: Input): string | undefined {
  const text = readText(input, 'the address of a set of keys', 1, 2048)
  if (text === undefined) return undefined
  const { reason } = parseUri(text)
  const why = reason ?? (/^https?:/i.test(text) ? null : 'it is not http or https')
  return why === null ? text : refuse(input, `the address of a set of keys: ${why}`)
}

function readRequired(input: Input): Json | undefined {
  const entries = readEntries(input, 'required', maxClaims)
  return (
    entries &&
    Object.fromEntries(
      entries.flatMap(([name, field]) => {
        const values = readNames(
          typeof field.value === 'string' ? { ...field, value: [field.value] } : field,
          `values of ${name}`,
          1,
        )
        return values === undefined ? [] : [[name, values]]
      }),
    )
  )
}

function readClaims(input: Input): Json | undefined {
  const entries = readEntries(input, 'claims', maxClaims)
  return (
    entries &&
    Object.fromEntries(
      entries.flatMap(([name, field]) => {
        const header = readHeaderName(field, true)
        return header === undefined ? [] : [[name, header]]
      }),
    )
  )
}

function readBlocks(input: Input): readonly string[] | undefined {
  const items = readList(input, 'addresses', 0, maxBlocks)
  return items?.flatMap((item) => {
    const text = readText(item, 'an address', 1, 64)
    if (text === undefined) return []
    if (parseBlock(text) !== null) return [text]
    refuse(item, 'an address is like 10.1.2.3 or fd00::1, or a block like 10.0.0.0/8')
    return []
  })
}

/** Kinds that decide who may pass, as a filter of a module may, and such that answer in the stead of the target. */
const notBehind: ReadonlySet<string> = new Set([
  ...Object.keys(accessKinds),
  'module',
  'fallback',
  'fault',
])

/** Notes filters that would not be asked, or whose answer would be kept, behind a cache. */
export function noteBehindCache(
  places: readonly Input[],
  kinds: readonly (string | undefined)[],
): void {
  const cache = kinds.indexOf('response-cache')
  if (cache < 0) return
  for (const [at, place] of places.entries()) {
    const one = kinds[at]
    if (at > cache && one !== undefined && notBehind.has(one))
      refuse(place, `${one} stands before response-cache, which would keep or skip what it answers`)
  }
}
