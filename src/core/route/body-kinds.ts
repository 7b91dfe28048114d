import type { BodyFilter } from './body-filter.ts'
import { parseBodyTemplate, templateFormat } from './body-template.ts'
import { duration, flag, integer, kind, type FilterKind } from './filter-kind.ts'
import { fieldOf, readList, readOneOf, readText, refuse, shown, type Input } from './input.ts'
import type { Fields } from './said.ts'

const maxTypes = 64
const mib = 1024 * 1024
/** Longest text of a template. */
const maxTemplate = 65_536

const compressible: readonly string[] = [
  'text/*',
  'application/json',
  'application/*+json',
  'application/javascript',
  'application/xml',
  'application/*+xml',
  'application/x-ndjson',
  'application/wasm',
  'image/svg+xml',
]

const templated: Fields = {
  contentType: readContentType,
  body: (field) => readText(field, 'a template', 0, maxTemplate),
  missing: (field) => readOneOf(field, 'missing', ['empty', 'refuse']),
  maxBytes: integer('maxBytes', 0, mib),
}
const usual = { contentType: 'application/json', missing: 'empty', maxBytes: 65_536 }

/** Kinds of filters that work on bodies. */
export const bodyKinds: Readonly<Record<BodyFilter['kind'], FilterKind>> = {
  compress: kind(
    {
      encodings: (field) => readEach(field, 'encodings', readEncoding),
      types: (field) => readEach(field, 'types', readType),
      minBytes: integer('minBytes', 0, 16 * mib),
      eventStreams: flag('eventStreams'),
    },
    [],
    { encodings: ['br', 'gzip'], types: compressible, minBytes: 1_024, eventStreams: false },
    true,
  ),
  'response-cache': kind(
    {
      timeToLiveMs: duration('timeToLiveMs'),
      maxBytes: integer('maxBytes', 1_024, 4_096 * mib),
    },
    [],
    { timeToLiveMs: 300_000, maxBytes: 16 * mib },
    true,
  ),
  'request-template': kind(templated, ['body'], usual, true),
  'response-template': kind(
    {
      ...templated,
      when: (field) => readOneOf(field, 'when', ['success', 'error', 'always']),
    },
    ['body'],
    { ...usual, when: 'success' },
    true,
  ),
}

/** What their fields say together, or need to know of the route. */
export function checkBody(
  input: Input,
  filter: BodyFilter,
  params: ReadonlySet<string> | null,
): void {
  if (filter.kind === 'response-cache' && filter.timeToLiveMs === 0)
    refuse(fieldOf(input, 'timeToLiveMs'), 'timeToLiveMs is at least 1 ms')
  if (!('contentType' in filter)) return
  const field = fieldOf(input, 'body')
  const parts = parseBodyTemplate(filter.body, templateFormat(filter.contentType) ?? 'text')
  if (typeof parts === 'string') return refuse(field, parts)
  for (const part of parts) {
    if (typeof part === 'string' || part.source !== 'param') continue
    if (params === null || params.has(part.name)) continue
    const known = params.size === 0 ? 'none' : [...params].join(', ')
    refuse(
      field,
      `{param.${part.name}} is no param of every path of the route; these are: ${known}`,
    )
  }
}

function readEach(
  input: Input,
  what: string,
  read: (item: Input) => string | undefined,
): readonly string[] | undefined {
  const items = readList(input, what, 1, maxTypes)
  return items && [...new Set(items.flatMap((item) => read(item) ?? []))]
}

const readEncoding = (item: Input): string | undefined =>
  readOneOf(item, 'an encoding', ['br', 'gzip'])

function readType(item: Input): string | undefined {
  const text = readText(item, 'a media type', 1, 128)?.toLowerCase()
  if (text === undefined || /^[\w!#$&^.-]+\/(?:\*|\*\+[\w.-]+|[\w!#$&^.+-]+)$/.test(text))
    return text
  return refuse(
    item,
    `${shown(text)} is no media type like text/html, text/* or application/*+json`,
  )
}

function readContentType(input: Input): string | undefined {
  const text = readText(input, 'a content type', 1, 128)
  if (text === undefined || templateFormat(text) !== null) return text
  // What a client says is put into it, and only in these it stays data.
  return refuse(input, `a template is JSON or text/plain, not ${shown(text)}`)
}
