import { createHash, scryptSync } from 'node:crypto'
import type { TestContext } from 'node:test'
import type { Filter } from '../../../src/core/route/filter.ts'
import { parseRoute } from '../../../src/core/route/parse.ts'
import { askRaw, codeOf, fieldOf, get } from './client.ts'
import { openProxy, route, type Proxy, type ProxyOptions } from './proxy.ts'
import { openRecording, type Recording, type Seen } from './recording.ts'

export const sha256 = (text: string): string =>
  `sha256:${createHash('sha256').update(text).digest('hex')}`

export const scrypt = (password: string): string => {
  const salt = Buffer.from('salt-of-this-test')
  const hash = scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 })
  return `scrypt:1024:8:1:${salt.toString('base64url')}:${hash.toString('base64url')}`
}

/** Filters as an author writes them. */
export function filtersOf(...said: readonly object[]): readonly Filter[] {
  const definition = { id: 'a', path: '/*rest', target: { upstream: 'u' }, filters: said }
  const { route: read, problems } = parseRoute(definition, { owner: 'admin', pointer: '' })
  if (problems !== null) throw new Error(JSON.stringify(problems))
  return read.filters ?? []
}

export interface Asked {
  readonly status: number
  readonly code: string
  readonly challenge: string | undefined
  /** What the upstream saw of it. */
  readonly seen: Seen | undefined
}

export interface Guarded {
  readonly proxy: Proxy
  readonly recording: Recording
  readonly ask: (path: string, fields?: string, method?: string) => Promise<Asked>
}

/** A gateway with these filters before an upstream that keeps what it sees. */
export async function openGuarded(
  t: TestContext,
  filters: readonly Filter[],
  options: ProxyOptions = {},
): Promise<Guarded> {
  const recording = await openRecording(t)
  const proxy = await openProxy(t, [route('/*rest', recording.url, { filters })], [], options)
  return {
    proxy,
    recording,
    ask: async (path, fields = '', method = 'GET') => {
      const from = recording.seen.length
      const answer = await askRaw(proxy.port, get(path, fields, method))
      return {
        status: answer.status,
        code: answer.status === 200 ? '' : codeOf(answer),
        challenge: fieldOf(answer, 'www-authenticate'),
        seen: recording.seen[from],
      }
    },
  }
}
