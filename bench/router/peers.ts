import { createRequire } from 'node:module'
import { RegExpRouter } from 'hono/router/reg-exp-router'
import { Memoirist } from 'memoirist'
import { addRoute, createRouter, findRoute as findRou3 } from 'rou3'
import { compileRouter } from 'rou3/compiler'
import { findRoute } from '../../src/core/router/lookup.ts'
import { parsePattern } from '../../src/core/router/pattern.ts'
import { buildRouter } from '../../src/core/router/router.ts'
import type { BenchRoute } from './tables.ts'

/** What a route's handler does with its params: reads each by name. */
export interface Handler {
  readonly read: (params: never, names?: never) => number
}

/** One look-up: finds the route, lets its handler read the params. */
export type LookUp = (method: string, url: string) => number

export interface Peer {
  readonly name: string
  /** Calls before it is measured; routers that generate code are slow for long. */
  readonly warmUp: number
  readonly isCompiled: boolean
  readonly holds: (routes: number) => boolean
  /** Name under which the rest is read. */
  readonly restName: string
  /** Hono gives values and a map of names to indexes. */
  readonly isIndexed?: boolean
  readonly make: (routes: readonly BenchRoute[], handlers: readonly Handler[]) => LookUp
}

type Read = (params: unknown, names?: unknown) => number
const readOf = (handlers: readonly Handler[], index: number): Handler & { read: Read } =>
  handlers[index] as Handler & { read: Read }

const require = createRequire(import.meta.url)
const always = (): boolean => true

interface FindMyWay {
  on(method: string, path: string, handler: () => void, store: unknown): void
  find(method: string, path: string): { params: unknown; store: { read: Read } } | null
  compile(): void
}
interface Medley {
  register(path: string): Record<string, { read: Read }>
  find(path: string): { params: unknown; store: Record<string, { read: Read }> } | null
}
const makeFindMyWay = require('find-my-way') as () => FindMyWay
const MedleyRouter = require('@medley/router') as new () => Medley

const findMyWay = (routes: readonly BenchRoute[], handlers: readonly Handler[]): FindMyWay => {
  const router = makeFindMyWay()
  routes.forEach(({ method, path }, index) => {
    router.on(method, path, () => {}, readOf(handlers, index))
  })
  return router
}
const findMyWayLookUp =
  (router: FindMyWay): LookUp =>
  (method, url) => {
    const found = router.find(method, url)
    return found === null ? -1 : found.store.read(found.params)
  }

const rou3 = (routes: readonly BenchRoute[], handlers: readonly Handler[]) => {
  const router = createRouter<{ read: Read }>()
  routes.forEach(({ method, path }, index) => {
    addRoute(router, method, path.replace(/\*$/, '**:rest'), readOf(handlers, index))
  })
  return router
}

export const peers: readonly Peer[] = [
  {
    name: 'turnout',
    warmUp: 300_000,
    isCompiled: false,
    holds: always,
    restName: '*',
    make: (routes, handlers) => {
      const router = buildRouter(
        routes.map(({ method, path }, index) => {
          const { pattern, problems } = parsePattern(path)
          if (pattern === null) throw new Error(problems[0]?.message)
          return { method, pattern, value: readOf(handlers, index) }
        }),
      )
      return (method, url) => {
        const found = findRoute(router, method, url)
        return found.kind === 'match' ? found.value.read(found.params) : -1
      }
    },
  },
  {
    name: 'find-my-way',
    warmUp: 300_000,
    isCompiled: false,
    holds: (routes) => routes <= 100_000,
    restName: '*',
    make: (routes, handlers) => findMyWayLookUp(findMyWay(routes, handlers)),
  },
  {
    name: 'find-my-way compiled',
    warmUp: 1_500_000,
    isCompiled: true,
    holds: (routes) => routes < 1000,
    restName: '*',
    make: (routes, handlers) => {
      const router = findMyWay(routes, handlers)
      router.compile()
      return findMyWayLookUp(router)
    },
  },
  {
    name: '@medley/router',
    warmUp: 300_000,
    isCompiled: false,
    holds: always,
    restName: '*',
    make: (routes, handlers) => {
      const router = new MedleyRouter()
      routes.forEach(({ method, path }, index) => {
        router.register(path)[method] = readOf(handlers, index)
      })
      return (method, url) => {
        const found = router.find(url)
        const handler = found?.store[method]
        return found === null || handler === undefined ? -1 : handler.read(found.params)
      }
    },
  },
  {
    name: 'memoirist',
    warmUp: 300_000,
    isCompiled: false,
    holds: always,
    restName: '*',
    make: (routes, handlers) => {
      const router = new Memoirist<{ read: Read }>()
      routes.forEach(({ method, path }, index) => {
        router.add(method, path, readOf(handlers, index))
      })
      return (method, url) => {
        const found = router.find(method, url)
        return found === null ? -1 : found.store.read(found.params)
      }
    },
  },
  {
    name: 'hono RegExpRouter',
    warmUp: 1_500_000,
    isCompiled: false,
    holds: (routes) => routes < 1000,
    restName: '*',
    isIndexed: true,
    make: (routes, handlers) => {
      const router = new RegExpRouter<{ read: Read }>()
      routes.forEach(({ method, path }, index) => {
        router.add(method, path, readOf(handlers, index))
      })
      return (method, url) => {
        const [found, values] = router.match(method, url)
        const first = found[0]
        return first === undefined ? -1 : first[0].read(values, first[1])
      }
    },
  },
  {
    name: 'rou3',
    warmUp: 300_000,
    isCompiled: false,
    holds: always,
    restName: 'rest',
    make: (routes, handlers) => {
      const router = rou3(routes, handlers)
      return (method, url) => {
        const found = findRou3(router, method, url)
        return found === undefined ? -1 : found.data.read(found.params)
      }
    },
  },
  {
    name: 'rou3 compiled',
    warmUp: 1_500_000,
    isCompiled: true,
    holds: (routes) => routes < 1000,
    restName: 'rest',
    make: (routes, handlers) => {
      const find = compileRouter(rou3(routes, handlers))
      return (method, url) => {
        const found = find(method, url)
        return found === undefined ? -1 : found.data.read(found.params)
      }
    },
  },
]
