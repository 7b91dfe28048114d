import type { Json } from '../json.ts'
import { parseDuration } from './duration.ts'
import { refuse, shown } from './input.ts'
import { bindFields, unsupported, type Arg, type Call } from './spring-args.ts'
import { numberOf, type FilterDraft } from './spring-draft.ts'
import { seriesOf, statusOf } from './spring-status.ts'

const fields = [
  'retries',
  'statuses',
  'methods',
  'backoff.firstBackoff',
  'backoff.maxBackoff',
  'backoff.factor',
  'backoff.basedOnPreviousValue',
  'jitter.randomFactor',
  'timeout',
  'series',
  'exceptions',
]
/** Those that have a place in the shortcut form. */
const positional = 9
/** What a wait that has no other limit comes to at most. */
const longestWait = 60_000

/**
 * `Retry` with the defaults of Spring: every status of the series SERVER_ERROR, GET, and no wait unless one is said.
 * Other than there, repeats have a budget.
 */
export function draftRetry(call: Call): FilterDraft | undefined {
  const bound = bindFields(call, fields, 0, positional)
  if (bound === undefined) return undefined
  const get = (name: string): Arg | undefined => bound.get(name)
  const timeout = get('timeout')
  if (timeout !== undefined)
    return unsupported(
      timeout.place,
      'Retry with timeout',
      'deadlines are those of the route and its upstream',
    )
  const onFailure = doesMend(get('exceptions'))
  if (onFailure === undefined) return undefined
  const statuses = [
    ...wordsOf(get('statuses'), 'a status', statusOf),
    ...(get('series') === undefined ? ['5xx'] : wordsOf(get('series'), 'a series', seriesOf)),
  ]
  const methods = get('methods')
    ?.text.split(',')
    .map((one) => one.trim())
  const wait = waitOf(bound)
  if (wait === undefined) return undefined
  const jitter = get('jitter.randomFactor')
  return {
    filter: {
      kind: 'retry',
      ...(get('retries') && { retries: numberOf(get('retries')!.text) }),
      statuses,
      ...(!onFailure && { onFailure }),
      methods: methods ?? ['GET'],
      ...wait,
      jitter: jitter === undefined ? 0 : numberOf(jitter.text),
    },
    places: {
      retries: get('retries'),
      statuses: get('statuses') ?? get('series'),
      methods: get('methods'),
      firstBackoffMs: get('backoff.firstBackoff'),
      maxBackoffMs: get('backoff.maxBackoff'),
      factor: get('backoff.factor'),
      jitter,
    },
  }
}

/**
 * Whether attempts without an answer are repeated. Classes of Java are not told apart by ours; the two that Spring has
 * unless others are said are together what fails here, and none is none.
 */
function doesMend(arg: Arg | undefined): boolean | undefined {
  if (arg === undefined) return true
  const names = arg.text.split(',').map((name) => name.trim().replace(/^.*\./, ''))
  const said = new Set(names.filter((name) => name !== ''))
  if (said.size === 0) return false
  if (said.size === 2 && said.has('IOException') && said.has('TimeoutException')) return true
  return unsupported(
    arg.place,
    `Retry with exceptions ${shown(arg.text)}`,
    'they are classes of Java; IOException and TimeoutException together are what fails here',
  )
}

/** What stands between commas; problems are noted. */
function wordsOf<Value extends string | number>(
  arg: Arg | undefined,
  what: string,
  read: (text: string) => Value | null,
): readonly Value[] {
  return (arg?.text ?? '').split(',').flatMap((text) => {
    const value = text.trim() === '' ? undefined : read(text)
    if (value === null && arg !== undefined)
      refuse(arg.place, `${shown(text.trim())} is no name or number of ${what}`)
    return value === null || value === undefined ? [] : [value]
  })
}

/** No wait at all where nothing of it is said, as in Spring. */
function waitOf(bound: ReadonlyMap<string, Arg>): { readonly [key: string]: Json } | undefined {
  if (![...bound.keys()].some((name) => name.startsWith('backoff.')))
    return { firstBackoffMs: 0, maxBackoffMs: 0 }
  const flag = bound.get('backoff.basedOnPreviousValue')
  if (flag !== undefined && !/^(?:true|false)$/i.test(flag.text.trim()))
    return refuse(flag.place, `basedOnPreviousValue is true or false, not ${shown(flag.text)}`)
  const ms = (name: string, otherwise: number): Json => {
    const text = bound.get(name)?.text.trim()
    if (text === undefined) return otherwise
    return /^\d{1,15}$/.test(text) ? Number(text) : (parseDuration(text) ?? text)
  }
  const factor = bound.get('backoff.factor')
  return {
    firstBackoffMs: ms('backoff.firstBackoff', 5),
    maxBackoffMs: ms('backoff.maxBackoff', longestWait),
    ...(factor && { factor: numberOf(factor.text) }),
  }
}
