import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { reportOf, type VerifyCounts } from '../../../src/core/rollout/verify-tally.ts'
import type { Filter } from '../../../src/core/route/filter.ts'
import type { Route, Target, Upstream } from '../../../src/core/route/route.ts'
import { noSelection } from '../../../src/core/route/route.ts'
import type { VerifyPair, VerifySettings } from '../../../src/gateway/verify/request.ts'
import { openProxy, route, type Proxy } from '../../proxy/support/proxy.ts'

export const usual: VerifySettings = {
  percent: 100,
  samples: 1_000,
  allMethods: false,
  headers: ['content-type', 'x-total'],
  ignore: [],
}

/** One place: stable for everybody, canary for whoever asks by label. */
export const sideBySide = (
  path: string,
  stable: string | Target,
  canary: string | Target,
  filters: readonly Filter[] = [],
): readonly Route[] => [
  { ...route(path, stable, { filters }), id: 'stable' },
  {
    ...route(path, canary, { filters }),
    id: 'canary',
    selection: { ...noSelection, labels: { canary: 'true' } },
  },
]

export const pair: VerifyPair = { stable: 'stable', canary: 'canary' }

/** A gateway that copies what goes to `stable`. */
export async function openVerified(
  t: TestContext,
  routes: readonly Route[],
  upstreams: readonly Upstream[] = [],
  settings: Partial<VerifySettings> = {},
): Promise<Proxy> {
  const proxy = await openProxy(t, routes, upstreams)
  proxy.worker.verify('test', { pairs: [pair], settings: { ...usual, ...settings } })
  return proxy
}

/** What the copies show when so many were compared, or failed. */
export async function shown({ worker }: Proxy, count: number): Promise<VerifyCounts> {
  for (let left = 500; left > 0; left -= 1) {
    const counts = worker.verifyCounts('test')!
    if (counts.compared + counts.failed >= count) return counts
    await delay(10)
  }
  throw new Error(`of ${count} copies: ${JSON.stringify(worker.verifyCounts('test'))}`)
}

/** `2 of 2: status 200/500`. */
export function told(counts: VerifyCounts): string {
  const { compared, different, failed, differences } = reportOf(counts)
  const places = differences.map(
    ({ place, stable, canary }) => `${place} ${stable ?? '-'}/${canary ?? '-'}`,
  )
  const failures = failed > 0 ? [`${failed} failed`] : []
  return [`${different} of ${compared}`, ...failures, ...places.sort()].join('; ')
}
