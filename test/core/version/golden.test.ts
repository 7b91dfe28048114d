import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { parse } from 'yaml'
import { compileAsking } from '../../../src/core/version/asking.ts'
import { askingOf } from '../../../src/core/version/asking-parse.ts'
import { isGone } from '../../../src/core/version/lifecycle.ts'
import { Question } from '../../../src/core/version/question.ts'
import type { Table } from '../../../src/core/route/table.ts'
import type { Asking } from '../../../src/core/version/asking.ts'
import { serve, tableOf, type Request } from './support/place.ts'

interface Golden {
  readonly settings?: Parameters<typeof askingOf>[0]
  readonly routes: readonly object[]
  readonly requests: readonly string[]
}

const fileOf = (name: string): string =>
  fileURLToPath(new URL(`../../../../test/golden/selection/${name}`, import.meta.url))

/** `GET /a X-API-Version=1 from=10.0.0.1`: fields, and who asks when. */
function requestOf(line: string): Request {
  const [method = '', target = '', ...rest] = line.split(' ')
  const parts = rest.join(' ').split(/ (?=(?:X-|Accept|Cookie|User-Tier|from|at)[\w-]*=)/)
  const said = parts.flatMap((part) => {
    const equals = part.indexOf('=')
    return part === '' ? [] : [[part.slice(0, equals), part.slice(equals + 1)] as const]
  })
  const {
    from,
    at = '2026-03-01T00:00:00Z',
    ...fields
  } = Object.fromEntries(said.map(([name, value]) => [name.toLowerCase(), value]))
  const now = Date.parse(at)
  return { method, target, now, fields, ...(from !== undefined && { from }) }
}

/** What is answered, why, and why not by another. */
function toldOf(table: Table, line: string, asking: Asking): string {
  const request = requestOf(line)
  const found = serve(table, request, asking)
  const vary = (text: string | null): string => (text === null ? '' : `\n    vary ${text}`)
  if (found.kind === 'refused')
    return `${found.code}, live: ${found.versions.join(' ')}${vary(found.vary)}`
  if (found.kind !== 'match') return found.kind
  const { value, told } = found
  const gone = isGone(value.lifecycle, request.now!) ? ', gone' : ''
  if (!(told instanceof Question)) return value.id + gone
  const choice = told.explain()
  const others = (choice?.passedOver ?? []).map(({ id, because }) => `\n    not ${id}: ${because}`)
  const by = choice === null ? '' : ` by ${choice.by}`
  return `${value.id}${by}${gone}${vary(told.vary)}${others.join('')}`
}

for (const name of ['usual', 'sources']) {
  test(`requests are answered as ${name}.txt says`, () => {
    const golden = parse(readFileSync(fileOf(`${name}.yaml`), 'utf8')) as Golden
    const table = tableOf(golden.routes)
    const asking = compileAsking(askingOf(golden.settings ?? {}))
    const text = golden.requests
      .map((line) => `${line}\n  ${toldOf(table, line, asking)}\n`)
      .join('')
    const file = fileOf(`${name}.txt`)
    if (process.env['TURNOUT_GOLDEN'] === 'write') writeFileSync(file, text)
    assert.equal(text, readFileSync(file, 'utf8'))
  })
}
