import type { Leak } from './core/leak.ts'
import type { Logger } from './core/logger.ts'
import { resourcesOf, shortages, type ResourceEvent } from './core/protect/resources.ts'
import type { Whose } from './modules/trace.ts'
import type { Admission } from './server/overload/admission.ts'
import type { TurnoutEmitter } from './turnout-events.ts'
import type { Serving, ServingSettings } from './turnout-serving.ts'
import { Resources } from './worker/resources/resources.ts'
import type { UnderWayLook } from './worker/resources/stuck.ts'

/** What tells of resources. */
export interface ResourceTelling {
  /** Told what runs out, and what does not end. */
  readonly onResource: (event: ResourceEvent) => void
  /** Told of module versions that should be gone; null: it is gone after all. */
  readonly onLeak: (whose: Whose, leak: Leak | null) => void
}

interface Watched extends ResourceTelling {
  readonly settings: ServingSettings
  readonly services: () => Readonly<Record<string, unknown>>
  readonly worker: () => UnderWayLook
  readonly admission: () => Admission | null
}

/** Watches a process that serves; null: it is turned off. */
export function watchResources({
  settings,
  services,
  worker,
  admission,
  onResource,
  onLeak,
}: Watched): Resources | null {
  const own = resourcesOf(settings.resources)
  if (own === null) return null
  return new Resources({
    settings: own,
    isOwnProcess: settings.containment === true,
    services,
    underWay: {
      inModules: () => worker().inModules(),
      withUpstreams: () => worker().withUpstreams(),
      *waiting() {
        yield* worker().waiting()
        yield [null, admission()?.status().waiting ?? 0]
      },
    },
    onEvent: onResource,
    onLeak: (leak) => onLeak(leak, leak),
    onReleased: ({ module, version, digest }) => onLeak({ module, version, digest }, null),
  })
}

/** Versions whose leak was told: each once, in however many workers it is. */
const mostTold = 1_000

const words: Readonly<Record<ResourceEvent['resource'], readonly [string, string]>> = {
  gcPause: ['garbage collections pause for long', 'garbage collections are short again'],
  openFiles: ['open files run out', 'there are open files to spare again'],
  heap: ['the heap fills', 'the heap has room again'],
  loopDelay: ['the event loop is late', 'the event loop keeps up again'],
  exchange: ['an exchange has no answer for long', ''],
  connection: ['a connection was not given back', ''],
  waiting: ['a waiting list never empties', 'a waiting list is empty again'],
}

/** Writes to the log what workers tell, and passes it on as events. */
export function tellResources(log: Logger, events: TurnoutEmitter): ResourceTelling {
  const told = new Set<string>()
  return {
    onResource: (event) => {
      const { resource, level, worker, value, threshold, ...where } = event
      const { route, method, upstream } = where as Partial<
        Readonly<Record<'route' | 'method' | 'upstream', string | null>>
      >
      const [over, under] = words[resource]
      const facts = {
        resource,
        worker: worker ?? undefined,
        value,
        threshold,
        route_id: route ?? undefined,
        method: method ?? undefined,
        upstream: upstream ?? undefined,
      }
      if (level === 'over') log.warn(over, facts)
      else log.info(under, facts)
      events.emit('resource', event)
    },
    onLeak: ({ module, version, digest }, leak) => {
      const key = `${module} ${version} ${digest}`
      const fields = { module, module_version: version }
      if (leak === null) {
        if (told.delete(key)) log.info('a module version that leaked was freed after all', fields)
        return
      }
      if (told.has(key)) return
      if (told.size < mostTold) told.add(key)
      const { disposedAt, collections, holders, reason } = leak
      log.warn('a replaced module version is still held', {
        ...fields,
        held_ms: Date.now() - Date.parse(disposedAt),
        collections,
        reason,
        holders: holders.map(({ kind, what, at, count }) => {
          const times = count === 1 ? '' : ` (${count} times)`
          return `${kind} ${what}${times}${at === null ? '' : ` at ${at}`}`
        }),
      })
      events.emit('leak', leak)
    },
  }
}

/** Why nothing should be sent here. */
export function shortagesOf(serving: Serving): readonly string[] {
  return [
    ...shortages(serving.shortOf()),
    ...(serving.ownShortage().includes('openFiles')
      ? ['open files of the supervisor run out']
      : []),
  ]
}
