import { validateHeaderName, validateHeaderValue } from 'node:http'
import { parseDuration } from '../../admin/duration.ts'
import type { Problem } from '../../core/errors.ts'
import { parseInstant } from '../../core/instant.ts'
import {
  fieldOf,
  hasField,
  kindOf,
  readEntries,
  readInteger,
  readList,
  readName,
  readObject,
  readText,
  refuse,
  refuseKind,
  type Input,
} from '../../core/route/input.ts'
import { usualFault, type Budget, type Drill, type Fault, type Probe, type Step } from './drill.ts'

export type DrillResult =
  | { readonly drill: Drill; readonly problems: null }
  | { readonly drill: null; readonly problems: readonly Problem[] }

const second = 1_000
const hour = 3_600_000

/**
 * Reads a drill from JSON.
 *
 * @param now Milliseconds since the epoch: no step may be meant for an instant that has passed.
 * @returns the drill, or every problem found, each with a pointer.
 */
export function parseDrill(value: unknown, now: number): DrillResult {
  const input: Input = { value, pointer: '', problems: [] }
  const drill = readDrill(input)
  if (drill !== undefined && input.problems.length === 0) checkTogether(input, drill, now)
  return drill === undefined || input.problems.length > 0
    ? { drill: null, problems: input.problems }
    : { drill, problems: null }
}

function readDrill(input: Input): Drill | undefined {
  if (!readObject(input, 'a drill', ['budget', 'probe', 'steps'])) return undefined
  const budget = readBudget(fieldOf(input, 'budget'))
  const probe = readAll(fieldOf(input, 'probe'), 'probe', 20, readProbe)
  const steps = readAll(fieldOf(input, 'steps'), 'steps', 100, readStep)
  if (budget === undefined || probe === undefined || steps === undefined) return undefined
  return { budget, probe, steps }
}

function readAll<Value>(
  input: Input,
  what: string,
  most: number,
  read: (item: Input) => Value | undefined,
): readonly Value[] | undefined {
  const items = readList(input, what, 1, most)
  return items?.flatMap((item) => read(item) ?? [])
}

function readBudget(input: Input): Budget | undefined {
  if (!readObject(input, 'budget', ['errorPercent', 'minRequests'])) return undefined
  const errorPercent = readNumber(fieldOf(input, 'errorPercent'), 'errorPercent', 0, 100)
  const minRequests = orElse(input, 'minRequests', 20, (field) =>
    readInteger(field, 'minRequests', 1, 1_000_000),
  )
  if (errorPercent === undefined || minRequests === undefined) return undefined
  return { errorPercent, minRequests }
}

const probeKeys = ['method', 'url', 'headers', 'perSecond', 'expect', 'timeoutMs']

function readProbe(input: Input): Probe | undefined {
  if (!readObject(input, 'a probe', probeKeys)) return undefined
  const method = orElse(input, 'method', 'GET', readMethod)
  const url = readTarget(fieldOf(input, 'url'))
  const headers = orElse(input, 'headers', {}, readHeaders)
  const perSecond = readNumber(fieldOf(input, 'perSecond'), 'perSecond', 0.01, 1_000)
  const expect = orElse(input, 'expect', null, readStatuses)
  const timeoutMs = orElse(input, 'timeoutMs', 10 * second, (field) =>
    readInteger(field, 'timeoutMs', 1, 60 * second),
  )
  if (method === undefined || url === undefined || headers === undefined) return undefined
  if (perSecond === undefined || expect === undefined || timeoutMs === undefined) return undefined
  return { method, url, headers, perSecond, expect, timeoutMs }
}

function readMethod(field: Input): string | undefined {
  const method = readText(field, 'method', 1, 64)
  // What CONNECT answers is no answer.
  const isMethod = method !== undefined && /^[\w!#$%&'*+.^`|~-]+$/.test(method)
  if (method === undefined || (isMethod && method.toUpperCase() !== 'CONNECT'))
    return method?.toUpperCase()
  return refuse(field, `a probe cannot be sent with the method ${method}`)
}

function readTarget(field: Input): string | undefined {
  const url = readText(field, 'url', 1, 8_192)
  if (url === undefined || /^\/[!"$-~]*$/.test(url)) return url
  return refuse(field, 'url is a path that begins with /, percent-encoded; for a host, set headers')
}

function readHeaders(field: Input): Readonly<Record<string, string>> | undefined {
  const entries = readEntries(field, 'headers', 64)
  const read = entries?.flatMap(([name, at]) => {
    const value = readText(at, `the header ${name}`, 0, 8_192)
    if (value === undefined) return []
    try {
      validateHeaderName(name)
      validateHeaderValue(name, value)
    } catch {
      refuse(at, `${JSON.stringify(name)} is no header that can be sent`)
    }
    return [[name, value] as const]
  })
  return read && Object.fromEntries(read)
}

const readStatuses = (field: Input): readonly number[] | undefined =>
  readAll(field, 'expect', 64, (item) => readInteger(item, 'a status', 200, 599))

const stepKeys = ['name', 'routes', 'fault', 'forMs', 'for', 'at']

function readStep(input: Input): Step | undefined {
  if (!readObject(input, 'a step', stepKeys)) return undefined
  const name = readName(fieldOf(input, 'name'), 'the name of a step')
  const routes = readAll(fieldOf(input, 'routes'), 'routes', 100, (item) =>
    readName(item, 'the id of a route'),
  )
  if (routes !== undefined && new Set(routes).size < routes.length)
    refuse(fieldOf(input, 'routes'), 'a route stands twice')
  const fault = readFault(fieldOf(input, 'fault'))
  const forMs = readFor(input)
  const start = orElse(input, 'at', { afterMs: 0 }, readStart)
  if (name === undefined || routes === undefined || fault === undefined) return undefined
  if (forMs === undefined || start === undefined) return undefined
  return { name, routes, fault, forMs, start }
}

const faultKeys = ['delayMs', 'delayPercent', 'abortStatus', 'abortPercent']

function readFault(input: Input): Fault | undefined {
  if (!readObject(input, 'a fault', faultKeys)) return undefined
  if (!hasField(input, 'delayMs') && !hasField(input, 'abortStatus'))
    return refuse(input, 'a fault has delayMs or abortStatus')
  const percent = (key: string): number | undefined =>
    orElse(input, key, 100, (field) => readNumber(field, key, 0, 100))
  const delayMs = orElse(input, 'delayMs', usualFault.delayMs, (field) =>
    readInteger(field, 'delayMs', 1, 300 * second),
  )
  const abortStatus = orElse(input, 'abortStatus', usualFault.abortStatus, (field) =>
    readInteger(field, 'abortStatus', 200, 599),
  )
  const [delayPercent, abortPercent] = [percent('delayPercent'), percent('abortPercent')]
  if (delayMs === undefined || delayPercent === undefined) return undefined
  if (abortStatus === undefined || abortPercent === undefined) return undefined
  return { kind: 'fault', delayMs, delayPercent, abortStatus, abortPercent }
}

/** The instance is told a deadline that is a little later, and takes none above 24 h. */
const longestStep = 23 * hour

function readFor(input: Input): number | undefined {
  const field = fieldOf(input, 'for')
  if (hasField(input, 'forMs') === hasField(input, 'for'))
    return refuse(input, "a step has either forMs or for, such as '30s'")
  if (field.value === undefined)
    return readInteger(fieldOf(input, 'forMs'), 'forMs', 100, longestStep)
  const text = readText(field, 'for', 1, 20)
  if (text === undefined) return undefined
  const ms = parseDuration(text)
  if (ms !== null && ms >= 100 && ms <= longestStep) return ms
  return refuse(field, `for is a duration from 100ms to 23h, such as 30s, not ${kindOf(text)}`)
}

function readStart(field: Input): Step['start'] | undefined {
  const text = readText(field, 'at', 1, 40)
  if (text === undefined) return undefined
  const afterMs = text.startsWith('+') ? parseDuration(text.slice(1)) : null
  if (afterMs !== null) return { afterMs }
  const at = parseInstant(text)
  if (at !== null) return { at }
  const form = "an instant such as 2026-05-01T12:00:00Z, or a while such as '+10s'"
  return refuse(field, `at is ${form}, not ${kindOf(text)}`)
}

/** What steps, probes and budget say together. */
function checkTogether(input: Input, { budget, probe, steps }: Drill, now: number): void {
  const perSecond = probe.reduce((sum, one) => sum + one.perSecond, 0)
  let freeAt = now
  for (const [at, { forMs, start }] of steps.entries()) {
    const place = { ...input, pointer: `/steps/${at}` }
    const sent = Math.floor((perSecond * forMs) / second)
    if (sent < budget.minRequests)
      refuse(
        place,
        `the step sends ${sent} probes, fewer than minRequests (${budget.minRequests}): its budget would never be judged`,
      )
    if ('at' in start && start.at < freeAt)
      refuse(
        { ...place, pointer: `${place.pointer}/at` },
        at === 0 || start.at < now
          ? 'the instant has passed'
          : 'the step before has not ended at that instant',
      )
    freeAt = ('at' in start ? Math.max(start.at, freeAt) : freeAt + start.afterMs) + forMs
  }
}

const orElse = <Value, Usual>(
  input: Input,
  key: string,
  usual: Usual,
  read: (field: Input) => Value | undefined,
): Value | Usual | undefined => (hasField(input, key) ? read(fieldOf(input, key)) : usual)

function readNumber(field: Input, what: string, least: number, most: number): number | undefined {
  const { value } = field
  if (typeof value !== 'number' || !Number.isFinite(value))
    return refuseKind(field, what, 'a number')
  if (value >= least && value <= most) return value + 0
  return refuse(field, `${what} is ${least} to ${most}`)
}
