import type { Problem } from '../errors.ts'
import type { Json } from '../json.ts'
import {
  fieldOf,
  hasField,
  readInteger,
  readList,
  readObject,
  refuse,
  type Input,
} from './input.ts'
import { readIdentity, readMetadata, type At } from './route-parts.ts'
import { maxInteger, readLabels } from './selection-parse.ts'
import { readSettings, settingKeys } from './settings-parse.ts'
import { readOrigin } from './target-parse.ts'
import type { Endpoint, Upstream } from './upstream.ts'

export type UpstreamResult =
  | { readonly upstream: Upstream; readonly problems: null }
  | { readonly upstream: null; readonly problems: readonly Problem[] }

const maxEndpoints = 256

/** Reads an upstream from JSON; its revision is 0. */
export function parseUpstream(value: unknown, at: At): UpstreamResult {
  const input: Input = { value, pointer: at.pointer, problems: [] }
  const upstream = readUpstream(input, at)
  return upstream === undefined || input.problems.length > 0
    ? { upstream: null, problems: input.problems }
    : { upstream, problems: null }
}

/** The upstream as `parseUpstream` reads it. */
export function renderUpstream({ name, endpoints, settings, metadata }: Upstream): Json {
  return {
    name,
    endpoints: endpoints.map(({ url, weight, labels }) => ({
      url,
      weight,
      ...(labels && { labels }),
    })),
    ...settings,
    ...(metadata !== null && { metadata }),
  }
}

function readUpstream(input: Input, at: At): Upstream | undefined {
  const keys = ['name', 'endpoints', ...settingKeys, 'metadata']
  if (!readObject(input, 'an upstream', keys)) return undefined
  const name = readIdentity(input, 'name', 'the name of an upstream', at.id)
  const endpoints = readEndpoints(fieldOf(input, 'endpoints'))
  const settings = readSettings(input)
  const metadata = readMetadata(input)
  if (name === undefined || endpoints === undefined || metadata === undefined) return undefined
  return { name, owner: at.owner, endpoints, ...(settings && { settings }), metadata, revision: 0 }
}

/** `{ url, weight?, labels? }` or the URL alone; each address once. */
function readEndpoints(input: Input): readonly Endpoint[] | undefined {
  const endpoints = new Map<string, Endpoint>()
  const items = readList(input, 'endpoints', 1, maxEndpoints)
  for (const item of items ?? []) {
    const isText = typeof item.value === 'string'
    if (!isText && !readObject(item, 'an endpoint', ['url', 'weight', 'labels'])) continue
    const url = readOrigin(isText ? item : fieldOf(item, 'url'))
    const weight = hasField(item, 'weight')
      ? readInteger(fieldOf(item, 'weight'), 'a weight', 0, maxInteger)
      : 1
    const labels = hasField(item, 'labels') ? readLabels(fieldOf(item, 'labels')) : undefined
    if (url === undefined || weight === undefined) continue
    if (endpoints.has(url)) refuse(item, `the endpoint ${url} stands there twice`)
    const hasLabels = labels !== undefined && Object.keys(labels).length > 0
    endpoints.set(url, { url, weight, ...(hasLabels && { labels }) })
  }
  return items && [...endpoints.values()]
}
