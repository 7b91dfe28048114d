import type { InstanceCommands } from './commands.ts'

/** Each is loaded when it is called: a question to an instance must not wait for the builder of modules. */

export const routes: InstanceCommands['routes'] = async (options) =>
  (await import('./routes.ts')).routes(options)

export const probe: InstanceCommands['probe'] = async (options) =>
  (await import('./probe.ts')).probe(options)

export const plan: InstanceCommands['plan'] = async (options) =>
  (await import('./plan.ts')).plan(options)

export const publish: InstanceCommands['publish'] = async (options) =>
  (await import('./publish.ts')).publish(options)

export const history: InstanceCommands['history'] = async (options) =>
  (await import('./history.ts')).history(options)

export const diff: InstanceCommands['diff'] = async (options) =>
  (await import('./diff.ts')).diff(options)

export const rollback: InstanceCommands['rollback'] = async (options) =>
  (await import('./rollback.ts')).rollback(options)

export const confirm: InstanceCommands['confirm'] = async (options) =>
  (await import('./confirm.ts')).confirm(options)

export const status: InstanceCommands['status'] = async (options) =>
  (await import('./status.ts')).status(options)

export const upstreams: InstanceCommands['upstreams'] = async (options) =>
  (await import('./upstreams.ts')).upstreams(options)

export const switchRoutes: InstanceCommands['switchRoutes'] = async (options) =>
  (await import('./switch.ts')).switchRoutes(options)

export const drill: InstanceCommands['drill'] = async (options) =>
  (await import('../drill/run-drill.ts')).drill(options)

export const versions: InstanceCommands['versions'] = async (options) =>
  (await import('./versions.ts')).versions(options)

export const startRollout: InstanceCommands['startRollout'] = async (options) =>
  (await import('./rollout-start.ts')).startRollout(options)

export const rolloutStatus: InstanceCommands['rolloutStatus'] = async (options) =>
  (await import('./rollout-status.ts')).rolloutStatus(options)

export const rolloutList: InstanceCommands['rolloutList'] = async (options) =>
  (await import('./rollout-status.ts')).rolloutList(options)

export const moveRollout: InstanceCommands['moveRollout'] = async (options) =>
  (await import('./rollout-move.ts')).moveRollout(options)

export const restart: InstanceCommands['restart'] = async (options) =>
  (await import('./restart.ts')).restart(options)
