import type { BreakerStatus, EndpointStatus, UpstreamStatus } from '../../admin/answers.ts'
import type { AdminClient } from '../../admin/client.ts'
import { plainLine } from '../../core/plain-text.ts'
import { alignTable } from '../align.ts'
import type { Paint, Style } from '../colour.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { InstanceOptions } from './commands.ts'
import { demand, withInstance } from './reach.ts'

/** `upstreams [NAME]`: what all of them do now, or all that is known of one. */
export function upstreams(
  options: InstanceOptions & { readonly name: string | null },
): Promise<number> {
  const { terminal, json, name } = options
  return withInstance(options, async (client) => {
    const found =
      name === null
        ? await allUpstreams(client)
        : [(await demand(client.getUpstreamStatus({ params: { name } }))).body]
    if (json) for (const one of found) terminal.out(printEvent({ event: 'upstream', ...one }))
    else if (name !== null) terminal.out(printUpstream(found[0]!, terminal.paintOut))
    else if (found.length === 0) terminal.out('no upstreams\n')
    else terminal.out(printUpstreams(found, terminal.paintOut))
    return exitCodes.ok
  })
}

async function allUpstreams(client: AdminClient): Promise<readonly UpstreamStatus[]> {
  const items: UpstreamStatus[] = []
  let after: string | undefined
  for (;;) {
    const { body } = await demand(client.listUpstreamStatus({ query: { limit: 1_000, after } }))
    items.push(...body.items)
    if (body.next === null) return items
    after = body.next
  }
}

const isWell = ({ state }: EndpointStatus): boolean => state === 'healthy' || state === 'slow-start'

/** `2/3`: those that are well, of those that may be picked. */
const healthOf = ({ endpoints }: UpstreamStatus): string => {
  const members = endpoints.filter(({ state }) => state !== 'draining')
  return `${members.filter(isWell).length}/${members.length}`
}

const heads = ['UPSTREAM', 'HEALTHY', 'BREAKER', 'ACTIVE', 'WAITING'] as const
const styles: readonly (Style | undefined)[] = ['bold']

/** One row for each upstream. */
export function printUpstreams(all: readonly UpstreamStatus[], paint: Paint): string {
  const rows = all.map((one) =>
    [
      one.name,
      healthOf(one),
      one.breaker?.state ?? '-',
      String(one.active),
      String(one.waiting),
    ].map(plainLine),
  )
  return alignTable(heads, rows, styles, paint)
}

const endpointHeads = [
  'ENDPOINT',
  'STATE',
  'WEIGHT',
  'ACTIVE',
  'CONNECTIONS',
  'WAITING',
  'FAILURES',
  'CHECK',
] as const

/** All that is known of one. */
export function printUpstream(one: UpstreamStatus, paint: Paint): string {
  const { name, owner, balancer, breaker, bulkhead, names, endpoints } = one
  const row = (head: string, value: string | null): string =>
    value === null ? '' : `${paint('dim', head.padEnd(9))}  ${plainLine(value)}\n`
  const inside =
    bulkhead === null
      ? null
      : `${bulkhead.inFlight} of ${bulkhead.maxConcurrentCalls} in flight, ${bulkhead.waiting} of ${bulkhead.maxWaitingCalls} wait`
  const rows = endpoints.map((endpoint) => endpointRow(endpoint).map(plainLine))
  return [
    row('upstream', name),
    row('owner', owner),
    row('balancer', balancer),
    row('breaker', breaker === null ? null : breakerText(breaker)),
    row('bulkhead', inside),
    ...names.map(({ name, addresses, resolvedAt, isKept, error }) => {
      const found = addresses.length === 0 ? 'no address' : addresses.join(', ')
      const since = resolvedAt === null ? '' : ` (${isKept ? 'kept since' : 'at'} ${resolvedAt})`
      return row('name', `${name}: ${found}${since}${error === null ? '' : `; ${error}`}`)
    }),
    '\n',
    alignTable(endpointHeads, rows, styles, paint),
  ].join('')
}

const breakerText = (breaker: BreakerStatus): string => {
  const { state, openUntil, failureRate, slowCallRate, bufferedCalls, notPermittedCalls } = breaker
  const rates =
    failureRate === null || slowCallRate === null
      ? `${bufferedCalls} calls, too few for a rate`
      : `${bufferedCalls} calls, ${Math.round(failureRate)} % failed, ${Math.round(slowCallRate)} % slow`
  const until = openUntil === null ? '' : ` until ${openUntil}`
  return `${state}${until}; ${rates}; ${notPermittedCalls} refused`
}

const endpointRow = (endpoint: EndpointStatus): readonly string[] => {
  const { url, address, state, ejectedUntil, weight, effectiveWeight, connections, check } =
    endpoint
  const { open, idle, upgraded } = connections
  const parts = [`${idle} idle`, ...(upgraded > 0 ? [`${upgraded} upgraded`] : [])]
  return [
    address === null ? url : `${url} ${address}`,
    ejectedUntil === null ? state : `${state} until ${ejectedUntil}`,
    effectiveWeight === weight ? String(weight) : `${effectiveWeight.toFixed(2)} of ${weight}`,
    String(endpoint.active),
    open === 0 ? '0' : `${open} (${parts.join(', ')})`,
    String(endpoint.waiting),
    String(endpoint.consecutiveFailures),
    check === null ? '-' : `${check.reason ?? 'good'} at ${check.at}`,
  ]
}
