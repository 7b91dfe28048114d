import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseRoute } from '../../src/core/route/parse.ts'
import type { Route } from '../../src/core/route/route.ts'
import { springFilters } from '../../src/core/route/spring-names.ts'
import { talk } from './support/client.ts'
import { openProxy } from './support/proxy.ts'
import { openRecording, type Script, type Seen } from './support/recording.ts'

// Each line has a definition, a request and the answer of the upstream, and what became of them: what the upstream was
// asked, and what the client was answered. `TURNOUT_GOLDEN=write` writes the latter.
const file = new URL('../../../test/golden/filters.jsonl', import.meta.url)

interface Line {
  readonly title: string
  readonly definition: { readonly id: string; readonly filters: readonly unknown[] }
  /** Further routes. */
  readonly others?: readonly object[]
  readonly request?: {
    readonly method?: string
    readonly target?: string
    readonly headers?: readonly string[]
    readonly body?: string
    /** One after another; the last answer counts. */
    readonly times?: number
  }
  readonly upstream?: {
    readonly status?: number
    readonly headers?: readonly string[]
    readonly body?: string
    /** Other targets are answered `ok`. */
    readonly only?: string
  }
  readonly asked?: readonly (readonly string[])[]
  readonly answered?: readonly string[]
}

const lines = readFileSync(file, 'utf8')
  .split('\n')
  .slice(0, -1)
  .map((line) => JSON.parse(line) as Line)

const routeOf = (definition: object, url: string): Route => {
  const text = JSON.stringify(definition).replace('http://upstream.test', url)
  const { route, problems } = parseRoute(JSON.parse(text), { owner: 'admin', pointer: '' })
  assert.equal(problems, null)
  assert.ok(route !== null)
  return route
}

const scriptOf =
  ({ status = 200, headers = [], body = 'ok', only }: NonNullable<Line['upstream']>): Script =>
  ({ target }) => {
    if (only !== undefined && target !== only)
      return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    const isLong = headers.some((line) => /^content-length:/i.test(line))
    const length = isLong ? [] : [`Content-Length: ${body.length}`]
    return [`HTTP/1.1 ${status} X`, ...headers, ...length, '', body].join('\r\n')
  }

const bytesOf = (request: NonNullable<Line['request']>): string => {
  const { method = 'GET', target = '/red/blue', headers = [], body = '' } = request
  const length = body === '' ? [] : [`Content-Length: ${body.length}`]
  const fields = ['Host: gateway.test', ...headers, ...length, 'Connection: close']
  return `${method} ${target} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${body}`
}

/** What every request has is left out. */
const askedOf = ({ method, target, fields, body }: Seen, own: string): readonly string[] => [
  `${method} ${target}`,
  ...fields
    .filter(([name, value]) => !/^(?:x-forwarded-|x-real-ip)/.test(name) && value !== own)
    .map(([name, value]) => `${name}: ${value}`),
  ...(body.length === 0 ? [] : [body.toString('latin1')]),
]

const answeredOf = (received: string): readonly string[] => {
  const [head = '', ...rest] = received.split('\r\n\r\n')
  const [start = '', ...fields] = head.split('\r\n')
  return [
    start.replace(/^HTTP\/1.1 (\d+).*$/, '$1'),
    ...fields.filter((line) => !/^(?:date|connection|keep-alive|age):/i.test(line)),
    rest.join('\r\n\r\n').replaceAll(/127\.0\.0\.1:\d+/g, 'HOST'),
  ]
}

test('every filter of a definition does what its documentation says', async (t) => {
  const recording = await openRecording(t)
  const proxy = await openProxy(t, [])
  const told: Line[] = []
  let before: readonly string[] = []
  for (const line of lines) {
    const { title, definition, others, request = {}, upstream = {} } = line
    const routes = [definition, ...(others ?? [])].map((one) => routeOf(one, recording.url))
    const ids = routes.map(({ id }) => id)
    await proxy.publish(
      routes,
      [],
      before.filter((id) => !ids.includes(id)),
    )
    before = ids
    recording.script = { answer: scriptOf(upstream) }
    const from = recording.seen.length
    let received = ''
    for (let left = request.times ?? 1; left > 0; left -= 1) {
      const talked = talk(proxy.port, bytesOf(request))
      await talked.closed
      received = talked.received()
    }
    const own = `127.0.0.1:${recording.port}`
    told.push({
      title,
      definition,
      ...(others && { others }),
      ...(line.request && { request }),
      ...(line.upstream && { upstream }),
      asked: recording.seen.slice(from).map((seen) => askedOf(seen, own)),
      answered: answeredOf(received),
    })
  }
  const text = `${told.map((line) => JSON.stringify(line)).join('\n')}\n`
  if (process.env['TURNOUT_GOLDEN'] === 'write') writeFileSync(file, text)
  assert.equal(text, readFileSync(file, 'utf8'))
  assert.deepEqual(recording.faults, [])
  assert.deepEqual(proxy.errors, [])
  await proxy.quiet()
})

test('every filter of Spring has an example, or is refused by name', () => {
  const named = new Set(
    lines.flatMap(({ definition, others = [] }) =>
      [definition, ...(others as readonly Line['definition'][])].flatMap(({ filters }) =>
        filters.map((one) =>
          typeof one === 'string' ? one.split('=')[0]! : (one as { name: string }).name,
        ),
      ),
    ),
  )
  for (const name of springFilters) {
    if (named.has(name)) continue
    const definition = { id: 'a', uri: 'http://a.test', predicates: [], filters: [name] }
    const { problems } = parseRoute(definition, { owner: 'admin', pointer: '' })
    assert.match(
      problems?.[0]?.message ?? '',
      new RegExp(`filter "${name}" cannot be honoured: (?!it is unknown)`),
    )
  }
})
