import type { BalancerSettings } from '../route/upstream.ts'
import type { Balancer } from './balancer.ts'
import { createLeastRequest } from './least-request.ts'
import { createRingHash } from './ring-hash.ts'
import { createRoundRobin } from './round-robin.ts'

const makers: Readonly<Record<BalancerSettings['kind'], (random: () => number) => Balancer>> = {
  'round-robin': createRoundRobin,
  'least-request': createLeastRequest,
  'ring-hash': createRingHash,
}

/** The balancer of an upstream; it lives as long as the upstream's identity. */
export function createBalancer({ kind }: BalancerSettings, random: () => number): Balancer {
  return makers[kind](random)
}
