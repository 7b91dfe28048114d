import { isIP } from 'node:net'

/** A URL of Redis that was checked. */
export interface RedisPlace {
  readonly url: string
  /** Without user and password: for status and logs. */
  readonly shown: string
  readonly database: number
  /** What must never be shown. */
  readonly secrets: readonly string[]
}

/** Reads `redis://` and `rediss://`; a text is the reason why it is refused, and never holds what it refuses. */
export function readRedisUrl(text: string): RedisPlace | string {
  if (!URL.canParse(text)) return 'expected redis://HOST:PORT'
  const url = new URL(text)
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    return 'expected a URL that starts with redis:// or rediss://'
  if (url.hostname === '') return 'it names no host'
  if (url.search !== '' || url.hash !== '') return 'it has something after the database'
  const [, database = '0'] = /^\/?(\d{1,5})?$/.exec(url.pathname) ?? [null, null]
  if (database === null) return 'after the host it names a database by its number'
  const secrets = [url.password, decoded(url.password), url.username, decoded(url.username)]
  const host = isIP(url.hostname) === 6 ? `[${url.hostname}]` : url.hostname
  const port = url.port === '' ? '6379' : url.port
  return {
    url: text,
    shown: `${url.protocol}//${url.username + url.password === '' ? '' : '***@'}${host}:${port}/${database}`,
    database: Number(database),
    secrets: secrets.filter((secret) => secret.length > 2 && secret !== 'default'),
  }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A text of somebody else without what must not be shown, in one line. */
export function withoutSecrets(text: string, { secrets }: RedisPlace): string {
  const clean = secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
  return clean.replaceAll(/\s+/g, ' ').slice(0, 200)
}
