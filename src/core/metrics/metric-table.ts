/** The metrics, in the order of the table below. */
export type MetricName =
  | 'turnout_exchanges_total'
  | 'turnout_exchange_duration_seconds'
  | 'turnout_exchanges_in_flight'
  | 'turnout_exchange_failures_total'
  | 'turnout_listener_refusals_total'
  | 'turnout_connections_total'
  | 'turnout_connections_refused_total'
  | 'turnout_connections_open'
  | 'turnout_overload_waiting'
  | 'turnout_overload_holding'
  | 'turnout_upstream_attempts_total'
  | 'turnout_upstream_attempt_duration_seconds'
  | 'turnout_upstream_retries_total'
  | 'turnout_upstream_answers_cut_total'
  | 'turnout_upstream_refusals_total'
  | 'turnout_upstream_ejections_total'
  | 'turnout_upstream_readmissions_total'
  | 'turnout_upstream_breaker_transitions_total'
  | 'turnout_upstream_health_changes_total'
  | 'turnout_upstream_breaker_state'
  | 'turnout_upstream_endpoints'
  | 'turnout_upstream_active'
  | 'turnout_upstream_waiting'
  | 'turnout_upstream_connections'
  | 'turnout_upstream_connection_leaks_total'
  | 'turnout_overdue'
  | 'turnout_ready'
  | 'turnout_revision'
  | 'turnout_worker_revision'
  | 'turnout_routes'
  | 'turnout_modules'
  | 'turnout_upstreams'
  | 'turnout_applies_total'
  | 'turnout_apply_duration_seconds'
  | 'turnout_last_apply_timestamp_seconds'
  | 'turnout_last_apply_age_seconds'
  | 'turnout_rejections_total'
  | 'turnout_rejected_since_apply'
  | 'turnout_take_backs_total'
  | 'turnout_probation_verdicts_total'
  | 'turnout_rollouts'
  | 'turnout_rollout_verdicts_total'
  | 'turnout_sources_failing'
  | 'turnout_module_versions'
  | 'turnout_retired_versions'
  | 'turnout_retired_version_exchanges'
  | 'turnout_versions_disposed_total'
  | 'turnout_offences_total'
  | 'turnout_workers'
  | 'turnout_worker_restarts_total'
  | 'turnout_readings_late_total'
  | 'turnout_readings_age_seconds'
  | 'turnout_event_loop_delay_seconds'
  | 'turnout_event_loop_utilization_ratio'
  | 'turnout_gc_pause_seconds'
  | 'turnout_cpu_seconds_total'
  | 'turnout_heap_used_bytes'
  | 'turnout_heap_limit_bytes'
  | 'turnout_external_memory_bytes'
  | 'turnout_resident_memory_bytes'
  | 'turnout_open_files'
  | 'turnout_open_files_limit'
  | 'turnout_start_time_seconds'
  | 'turnout_log_lines_dropped_total'
  | 'turnout_build_info'

/** What a metric is. */
export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** One sentence; it stands in the scrape, so it has no quotes. */
  readonly help: string
  readonly labels: readonly string[]
  /** What is read of several processes: counters and histograms add up; so do gauges, unless the largest counts. */
  readonly merge?: 'max'
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[]
  /** So many of its first labels tell rows apart, of which there are `mostRows` at most. */
  readonly bounded?: number
}

/** Rows of a metric that are told apart; what comes beyond is counted in one, whose first label is `other`. */
export const mostRows = 1_000
export const otherRow = 'other'

export const durationBuckets: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]
export const pauseBuckets: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5]
const applyBuckets: readonly number[] = [0.001, 0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 60]

const counter = (help: string, labels: readonly string[] = [], bounded = 0): Metric => ({
  type: 'counter',
  help,
  labels,
  ...(bounded > 0 && { bounded }),
})
const gauge = (help: string, labels: readonly string[] = [], bounded = 0): Metric => ({
  type: 'gauge',
  help,
  labels,
  ...(bounded > 0 && { bounded }),
})
const highest = (help: string, labels: readonly string[] = [], bounded = 0): Metric => ({
  ...gauge(help, labels, bounded),
  merge: 'max',
})
const histogram = (
  help: string,
  labels: readonly string[],
  buckets: readonly number[],
  bounded = 0,
): Metric => ({ type: 'histogram', help, labels, buckets, ...(bounded > 0 && { bounded }) })

/** Every metric there is. `docs/reference/metrics.md` is made of it. */
export const metricTable: Readonly<Record<MetricName, Metric>> = {
  // Exchanges.
  turnout_exchanges_total: counter(
    'Exchanges that ended, by route, module version, and class: 1xx to 5xx of the answer, left (its client left before the answer), cut (ended by a drain, a close, or after its head).',
    ['route', 'version', 'class'],
    2,
  ),
  turnout_exchange_duration_seconds: histogram(
    'Time from the request to the answer; of one whose body follows the head, to the head. Answers without an end are not in it.',
    ['route'],
    durationBuckets,
    1,
  ),
  turnout_exchanges_in_flight: gauge('Exchanges of routes that have begun and not ended.'),
  turnout_exchange_failures_total: counter('Exchanges whose target did not answer, by code.', [
    'code',
  ]),

  // What a listener does before there is an exchange.
  turnout_listener_refusals_total: counter(
    'Requests that a listener refused before any route was looked for, by code: strict checks, parser errors, limits, overload.',
    ['code'],
  ),
  turnout_connections_total: counter('Connections that listeners accepted.'),
  turnout_connections_refused_total: counter(
    'Connections that were closed at once, by reason: limit (of the listener), address (too many of one address), heap (it is nearly full).',
    ['reason'],
  ),
  turnout_connections_open: gauge('Connections of clients that are open.'),
  turnout_overload_waiting: gauge('Requests that wait for a place in an overloaded process.'),
  turnout_overload_holding: gauge('Processes that hold to a limit because they are overloaded.'),

  // Upstreams.
  turnout_upstream_attempts_total: counter(
    'Requests sent to an upstream, by outcome: 1xx to 5xx of the answer, or why there was none.',
    ['upstream', 'outcome'],
    1,
  ),
  turnout_upstream_attempt_duration_seconds: histogram(
    'Time from the choice of an endpoint to the head of its answer.',
    ['upstream'],
    durationBuckets,
    1,
  ),
  turnout_upstream_retries_total: counter(
    'Attempts that repeat an earlier one of their exchange.',
    ['upstream'],
    1,
  ),
  turnout_upstream_answers_cut_total: counter(
    'Answers that an upstream began and did not end.',
    ['upstream'],
    1,
  ),
  turnout_upstream_refusals_total: counter(
    'Exchanges that the breaker or the bulkhead of an upstream did not let through, by code.',
    ['upstream', 'code'],
    1,
  ),
  turnout_upstream_ejections_total: counter(
    'Endpoints that were ejected for their answers.',
    ['upstream'],
    1,
  ),
  turnout_upstream_readmissions_total: counter(
    'Endpoints that came back after they were ejected.',
    ['upstream'],
    1,
  ),
  turnout_upstream_breaker_transitions_total: counter(
    'Changes of the state of a breaker, by the state it went to.',
    ['upstream', 'to'],
    1,
  ),
  turnout_upstream_health_changes_total: counter(
    'Endpoints that health checks found healthy or unhealthy again.',
    ['upstream', 'to'],
    1,
  ),
  turnout_upstream_breaker_state: gauge(
    'Processes whose breaker of the upstream is in that state.',
    ['upstream', 'state'],
    1,
  ),
  turnout_upstream_endpoints: highest(
    'Endpoints in that state, in the process that sees most of them so.',
    ['upstream', 'state'],
    1,
  ),
  turnout_upstream_active: gauge('Exchanges inside the upstream.', ['upstream'], 1),
  turnout_upstream_waiting: gauge(
    'Exchanges that wait for the bulkhead or for a connection.',
    ['upstream'],
    1,
  ),
  turnout_upstream_connections: gauge(
    'Connections to the upstream: active, idle, or upgraded to another protocol.',
    ['upstream', 'state'],
    1,
  ),

  // What is held for too long.
  turnout_upstream_connection_leaks_total: counter(
    'Connections that an exchange held for longer than leakDetectionThresholdMs.',
    ['upstream'],
    1,
  ),
  turnout_overdue: gauge(
    'What should have ended and has not: `exchanges`, `connections` kept after their exchange, `waiting` lists that never empty.',
    ['kind'],
  ),

  // The table, and what came of changes.
  turnout_ready: gauge('1: requests should be sent here. What readyz answers.'),
  turnout_revision: gauge('Number of the newest revision that was published.'),
  turnout_worker_revision: gauge('Number of the revision that a process serves.', ['worker']),
  turnout_routes: gauge('Routes of the table.'),
  turnout_modules: gauge('Modules of the table.'),
  turnout_upstreams: gauge('Upstreams of the table.'),
  turnout_applies_total: counter('Revisions that were applied.'),
  turnout_apply_duration_seconds: histogram(
    'Time from the beginning of a change to its apply.',
    [],
    applyBuckets,
  ),
  turnout_last_apply_timestamp_seconds: gauge(
    'When the newest revision was made; seconds since 1970.',
  ),
  turnout_last_apply_age_seconds: gauge('Seconds since the newest revision was made.'),
  turnout_rejections_total: counter('Problems for which changes were rejected, by code.', ['code']),
  turnout_rejected_since_apply: gauge(
    'Changes that were rejected since the last apply of this process: 0 means that the newest change is served.',
  ),
  turnout_take_backs_total: counter('Revisions that Turnout took back by itself.'),
  turnout_probation_verdicts_total: counter('Plain changes that were watched, by verdict.', [
    'verdict',
  ]),
  turnout_rollouts: gauge('Rollouts by status; of each subject the last one.', ['status']),
  turnout_rollout_verdicts_total: counter('Judgements of rollouts, by verdict.', ['verdict']),
  turnout_sources_failing: gauge('1: something is wrong with the source of rules.', ['source']),

  // Module versions.
  turnout_module_versions: highest('Module versions that serve new exchanges.'),
  turnout_retired_versions: gauge('Module versions that were replaced and are not gone yet.'),
  turnout_retired_version_exchanges: gauge(
    'Exchanges that a replaced module version still waits for.',
    ['module', 'version'],
    2,
  ),
  turnout_versions_disposed_total: counter('Replaced module versions that were disposed of.'),
  turnout_offences_total: counter('What code of modules did to a process, by kind.', ['kind']),

  // Processes.
  turnout_workers: gauge('Worker processes by state; none: one process does everything.', [
    'state',
  ]),
  turnout_worker_restarts_total: counter(
    'Worker processes that came after another, by why that one went: ended by itself, or was replaced.',
    ['worker', 'reason'],
  ),
  turnout_readings_late_total: counter(
    'Times that a worker did not tell its figures in time; its last known ones stood in.',
    ['worker'],
  ),
  turnout_readings_age_seconds: highest('Age of the figures of a worker in this scrape.', [
    'worker',
  ]),
  turnout_event_loop_delay_seconds: highest(
    'How late the event loop was since about the last scrape: median, 99th percentile, most.',
    ['worker', 'quantile'],
  ),
  turnout_event_loop_utilization_ratio: highest(
    'Share of the time in which the event loop was busy, since about the last scrape.',
    ['worker'],
  ),
  turnout_gc_pause_seconds: histogram(
    'Pauses for the collection of garbage, by kind; since the first scrape.',
    ['worker', 'kind'],
    pauseBuckets,
  ),
  turnout_cpu_seconds_total: counter('CPU time.', ['worker']),
  turnout_heap_used_bytes: highest('Heap in use.', ['worker']),
  turnout_heap_limit_bytes: highest('Heap that V8 allows.', ['worker']),
  turnout_external_memory_bytes: highest(
    'Memory of objects outside the heap, buffers among them.',
    ['worker'],
  ),
  turnout_resident_memory_bytes: highest('Resident memory.', ['worker']),
  turnout_open_files: highest('Files and sockets that are open.', ['worker']),
  turnout_open_files_limit: highest('Files and sockets that may be open.', ['worker']),
  turnout_start_time_seconds: highest('When the process began; seconds since 1970.', ['worker']),
  turnout_log_lines_dropped_total: counter(
    'Lines of the log that were dropped because nobody read them.',
    ['worker'],
  ),
  turnout_build_info: gauge('1, with the versions of Turnout and Node.', ['version', 'node']),
}

export const metricNames: readonly MetricName[] = Object.keys(metricTable) as MetricName[]

/** Numbers that a series of the metric has. */
export const widthOf = ({ buckets }: Metric): number =>
  buckets === undefined ? 1 : buckets.length + 2
