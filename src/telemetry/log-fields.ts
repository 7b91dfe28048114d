/** What a field of the log is. `id`: a lower-case hexadecimal trace id. */
export type FieldType = 'text' | 'number' | 'switch' | 'id' | 'level' | 'texts' | 'object'

export interface FieldRow {
  readonly name: string
  readonly type: FieldType
  readonly meaning: string
}

const row = (name: string, type: FieldType, meaning: string): FieldRow => ({ name, type, meaning })

/** What every line begins with, in this order. */
export const headFields: readonly FieldRow[] = [
  row('timestamp', 'number', 'Milliseconds since 1970.'),
  row('level', 'level', '`debug`, `info`, `warn` or `error`.'),
  row('service_name', 'text', 'Which service the line is of: `turnout`.'),
  row(
    'trace_id',
    'id',
    'The trace of the exchange that the line is about. Outside of any exchange: an id that the process made when it started.',
  ),
  row('message', 'text', 'What happened, in the same words each time.'),
]

/** What may come after it. */
export const logFields: readonly FieldRow[] = [
  row('algorithms', 'texts', 'Signature algorithms that a filter takes.'),
  row('author', 'text', 'Who made the change.'),
  row('cause', 'text', 'Why an endpoint was ejected.'),
  row('client', 'text', 'Address of the client.'),
  row('code', 'text', 'Code of the problem, see [errors](errors.md).'),
  row('collections', 'number', 'Collections of garbage since a version was disposed of.'),
  row('count', 'number', 'How many of a kind this line stands for.'),
  row(
    'data',
    'object',
    'Fields that a module gave. Nothing else is in it, and they are nowhere else.',
  ),
  row('deadline_ms', 'number', 'A deadline that was missed.'),
  row('deaths', 'number', 'Ends of the process of an isolated module, in a row.'),
  row('detail', 'text', 'What exactly was done, in words.'),
  row('digest', 'text', 'Digest of the code of a module.'),
  row('dropped_lines', 'number', 'Lines that were left out before this one.'),
  row(
    'duration_ms',
    'number',
    'How long it took. Of a request: from its head to the end of its answer.',
  ),
  row('endpoint', 'text', 'An endpoint of the upstream.'),
  row('error', 'text', 'What was thrown.'),
  row('event', 'text', 'The event whose listener failed.'),
  row('exchanges', 'number', 'How many exchanges.'),
  row('file', 'text', 'A file.'),
  row('filter', 'text', 'Name of the filter of a module.'),
  row('from', 'text', 'The state, or version, before.'),
  row('heap_level', 'text', 'What is still taken at this level of the heap.'),
  row('heap_percent', 'number', 'Share of the heap that is in use.'),
  row('held_by', 'text', 'What holds it.'),
  row('held_ms', 'number', 'For how long.'),
  row(
    'holders',
    'texts',
    'What still refers to a version that was disposed of, and where it was taken.',
  ),
  row('in_flight', 'number', 'Exchanges under way.'),
  row('jwks', 'text', 'Where the keys of an issuer are fetched from.'),
  row('kind', 'text', 'Which of several kinds.'),
  row('limit', 'number', 'How many exchanges are let in at once.'),
  row('line', 'number', 'A line of a file.'),
  row('line_cut', 'switch', 'True: something of this line had no place.'),
  row('log_failure', 'switch', 'True: the fields of this line could not be read.'),
  row('max_body_bytes', 'number', 'Longest body that is meant.'),
  row('memory_mb', 'number', 'Most memory that is allowed, in MB.'),
  row('method', 'text', "The request's method."),
  row('module', 'text', 'A module. Null: it is not known which.'),
  row('module_version', 'text', 'Its version.'),
  row('name', 'text', 'A host name of an upstream.'),
  row(
    'outcome',
    'text',
    'How an exchange ended that did not end by itself: a code, or why it was cut.',
  ),
  row('owner', 'text', 'Who the routes belong to.'),
  row('path', 'text', "The request's path, without its query."),
  row('pid', 'number', 'Id of a process.'),
  row('problems', 'texts', 'Messages of problems.'),
  row('reason', 'text', 'Why.'),
  row('reference', 'text', 'Where a secret is read from; never the secret.'),
  row('request_id', 'text', 'Id of a request to the admin API.'),
  row('resource', 'text', 'What runs short, or does not end.'),
  row('revision', 'number', 'Number of a revision. Of a request: the one that served it.'),
  row('rollout_id', 'text', 'A rollout.'),
  row('route_id', 'text', 'A route.'),
  row('routes', 'texts', 'Requests, as method and path.'),
  row('routes_added', 'number', 'Routes that are new.'),
  row('routes_changed', 'number', 'Routes that are others than before.'),
  row('routes_removed', 'number', 'Routes that are gone.'),
  row('rss_mb', 'number', 'Resident memory of a process, in MB.'),
  row(
    'sample',
    'number',
    'The share of its kind that is logged: count such a line 1/`sample` times.',
  ),
  row('shed', 'number', 'Requests that were answered 503.'),
  row('stack', 'text', 'Where it was thrown.'),
  row('status', 'number', 'Status of the answer.'),
  row('takes_back', 'number', 'The revision that a change takes back.'),
  row('threshold', 'number', 'Beyond which it is told.'),
  row('to', 'text', 'The state, or version, now.'),
  row('until', 'text', 'An instant in ISO 8601.'),
  row('upstream', 'text', 'An upstream.'),
  row('value', 'number', 'What was measured.'),
  row('where', 'text', 'What called it: `timer`, or the name of an event.'),
  row('worker', 'number', 'Place of a worker process among the workers, from 1.'),
]

const fits = (value: unknown, type: FieldType): boolean => {
  switch (type) {
    case 'text':
      return typeof value === 'string'
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
    case 'switch':
      return typeof value === 'boolean'
    case 'id':
      return typeof value === 'string' && /^[\da-f]{32}$/.test(value) && !/^0+$/.test(value)
    case 'level':
      return ['debug', 'info', 'warn', 'error'].includes(value as string)
    case 'texts':
      return Array.isArray(value) && value.every((one) => typeof one === 'string')
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    default:
      return type satisfies never
  }
}

const rows: ReadonlyMap<string, FieldRow> = new Map(logFields.map((one) => [one.name, one]))

/** What is wrong with a line of the log; null: nothing. */
export function lineProblem(line: string): string | null {
  let entry: Record<string, unknown>
  try {
    entry = JSON.parse(line) as Record<string, unknown>
  } catch {
    return 'it is no JSON'
  }
  const fields = Object.entries(entry)
  for (const [at, { name, type }] of headFields.entries()) {
    const [found, value] = fields[at] ?? []
    if (found !== name) return `its field ${at + 1} is ${found}, and not ${name}`
    if (!fits(value, type)) return `its ${name} is no ${type}: ${JSON.stringify(value)}`
  }
  for (const [name, value] of fields.slice(headFields.length)) {
    const known = rows.get(name)
    if (known === undefined) return `there is no field ${name}`
    // Null stands for what is not known.
    if (value !== null && !fits(value, known.type))
      return `its ${name} is no ${known.type}: ${JSON.stringify(value)}`
  }
  return null
}
