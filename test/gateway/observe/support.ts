import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { getKey } from '../../../src/core/persistent-map.ts'
import type { Observed } from '../../../src/gateway/observe/observed.ts'
import type { RouteModule } from '../../../src/modules/define.ts'
import type { ModuleExport } from '../../../src/modules/definition.ts'
import { loadObject } from '../../../src/modules/object-module.ts'
import { change } from '../../control/support/open.ts'
import type { Proxy } from '../../proxy/support/proxy.ts'

/** Puts modules in the table, as one revision. */
export async function publishModules(
  { publisher }: Proxy,
  modules: Readonly<Record<string, ModuleExport | RouteModule<never>>>,
): Promise<void> {
  const items = Object.entries(modules).map(([name, module]) => {
    const mount = { prefix: '', middleware: [] }
    const { owner, label, load } = loadObject(module, name, mount, 'test')
    return { kind: 'module', owner, label, load } as const
  })
  const outcome = await change(publisher, items)
  assert.deepEqual(outcome.rejections, [])
}

/** The code that serves a module now. */
export function codeOf({ publisher }: Proxy, module: string): Observed {
  const { digest } = getKey(publisher.table.modules, module)!
  return { kind: 'module', module, digest }
}

/** A route as it stands now. */
export const standing = ({ publisher }: Proxy, id: string): Observed => ({
  kind: 'route',
  route: getKey(publisher.table.routes, id)!,
})

/** `requests errors clientErrors` of the last minute. */
export function figuresOf({ worker }: Proxy, of: Observed): string {
  const { requests, errors, clientErrors } = worker.figures([{ of, spanMs: 60_000 }])[0]!
  return `${requests} ${errors} ${clientErrors}`
}

/** Waits until something is so; fails where that does not come. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let left = 500; left > 0 && !isSo(); left -= 1) await delay(10)
  assert.ok(isSo(), what)
}
