import { TurnoutError } from '../../core/errors.ts'
import { childLogger } from '../../core/logger.ts'
import { moduleNameOf } from '../../core/route/route.ts'
import type { CodeSource } from '../../worker/worker.ts'
import {
  IsolatedVersion,
  cloneable,
  type IsolatedOptions,
  type IsolatedSetup,
} from './isolated-version.ts'

export interface OpenOptions extends Omit<IsolatedOptions, 'source' | 'setup' | 'state'> {
  readonly source: CodeSource | undefined
  readonly setup: IsolatedSetup | undefined
  /** The version that it takes over from, with its state; null: none. */
  readonly before: { readonly state: unknown; readonly version: string } | null
}

/** Opens an isolated version. Throws TURNOUT_ISOLATION_REFUSED or TURNOUT_STATE_UNCLONEABLE where it cannot be one. */
export function openIsolated(options: OpenOptions): Promise<IsolatedVersion> {
  const { source, setup, before, reference } = options
  const { name: module } = reference
  const refuse = (reason: string): never => {
    throw new TurnoutError('TURNOUT_ISOLATION_REFUSED', { module, reason })
  }
  if (setup === undefined) return refuse('this worker starts no processes')
  if (source === undefined)
    return refuse('its code, or middleware before it, is an object of this one')
  const hasState = before !== null && before.state !== undefined
  const value = hasState ? cloneable(before.state, module) : undefined
  const state = hasState ? { value, fromVersion: before.version } : null
  const own = { module: moduleNameOf(reference), module_version: reference.version }
  const log = childLogger(options.log, own)
  return IsolatedVersion.open({ ...options, log, source, setup, state })
}
