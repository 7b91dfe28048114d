import { TurnoutError } from '../core/errors.ts'
import type { Rollout } from '../core/rollout/rollout.ts'
import type { AdminContext } from './context.ts'
import type { Identity } from './identity.ts'
import { routeKind, upstreamKind, type Kind } from './kinds.ts'
import { mayCall, mayWriteOwner } from './scope.ts'

/**
 * Who may change what is rolled out may move its rollout; who may go back may also hold it and send all clients back.
 *
 * @throws TurnoutError TURNOUT_SCOPE_MISSING
 */
export function demandMove(
  context: AdminContext,
  identity: Identity,
  rollout: Rollout,
  verb: 'pause' | 'resume' | 'promote' | 'abort',
): void {
  const isBack = verb === 'pause' || verb === 'abort'
  if (isBack && mayCall(identity.scopes, 'rollback')) return
  if (mayChange(context, identity, rollout)) return
  throw new TurnoutError('TURNOUT_SCOPE_MISSING', { what: `${verb} the rollout ${rollout.id}` })
}

function mayChange(
  context: AdminContext,
  { scopes }: Identity,
  { subject, owner }: Rollout,
): boolean {
  const mayWrite = <Value>(kind: Kind<Value>, id: string): boolean => {
    const there = kind.get(context.control.current.table, id)
    return there === undefined ? mayWriteOwner(scopes, owner) : kind.mayWrite(scopes, there)
  }
  switch (subject.kind) {
    case 'module':
      return mayCall(scopes, 'deploy')
    case 'route':
      return mayWrite(routeKind(context), subject.route)
    case 'upstream':
      return mayWrite(upstreamKind(context), subject.upstream)
    default:
      return subject satisfies never
  }
}
