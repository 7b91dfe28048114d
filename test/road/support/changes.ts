import type { Artifact } from '../../../src/modules/artifact.ts'
import { isApplied, save } from '../../hot/support/served.ts'
import { artifactOf, moduleText } from './artifact.ts'
import type { Answer, Instance } from './instance.ts'
import { contentOf, routeOf, wishesBetween, type State, type Wish } from './model.ts'

/** A change on its way: what it wishes, and how it is sent. Null answers: the change was applied, and nobody answered. */
export interface Change {
  readonly wishes: readonly Wish[]
  /** Starting again brings it about in any case: a saved file is proposed again. */
  readonly isSource: boolean
  readonly send: (instance: Instance) => Promise<Answer | null>
}

export type ChangeKind =
  | 'put'
  | 'create'
  | 'remove'
  | 'many'
  | 'rollback'
  | 'upload'
  | 'save'
  | 'bulk'

export const everyKind: readonly ChangeKind[] = [
  'put',
  'create',
  'remove',
  'many',
  'rollback',
  'upload',
  'save',
]

/** What changes are made of. */
export interface Making {
  readonly folder: string
  /** Ids of the routes that are always there. */
  readonly base: readonly string[]
  readonly below: (count: number) => number
  readonly artifacts: readonly Artifact[]
  /** Counts up, so that no two changes say the same. */
  count: number
  /** States by revision. */
  readonly known: Map<number, State>
}

const bulkSize = 1_000

/** Built beforehand, versions 1 to 6 of a module to upload. */
export const builtArtifacts = (): Promise<readonly Artifact[]> =>
  Promise.all(Array.from({ length: 6 }, (_, at) => artifactOf('uploaded', at + 1)))

const json = (method: string, target: string, body?: unknown): Change['send'] => {
  const sending = body === undefined ? {} : { body }
  return ({ send }) => send(method, target, sending)
}

const putWish = (id: string, body: string, pad?: string): Wish => [
  `route:${id}`,
  contentOf(body, pad),
]

/** A change of a kind, for a state. */
export function makeChange(kind: ChangeKind, state: State, making: Making): Change {
  const { base, below, known } = making
  making.count += 1
  const body = `b${making.count}`
  const any = (): string => base[below(base.length)]!
  const extras = [...state.items.keys()].filter((key) => key.startsWith('route:extra-'))
  const change = (wishes: readonly Wish[], send: Change['send'], isSource = false): Change => ({
    wishes,
    send,
    isSource,
  })
  switch (kind) {
    case 'put': {
      const id = any()
      const send = json('PUT', `/api/routes/${id}?force=true`, routeOf(id, body))
      return change([putWish(id, body)], send)
    }
    case 'remove': {
      const id = extras[below(extras.length)]?.slice('route:'.length)
      if (id === undefined) return makeChange('create', state, making)
      return change([[`route:${id}`, null]], json('DELETE', `/api/routes/${id}?force=true`))
    }
    case 'create': {
      const id = `extra-${making.count}`
      return change([putWish(id, body)], json('POST', '/api/routes', routeOf(id, body)))
    }
    case 'many': {
      const ids = new Set([...Array.from({ length: 5 }, any), `extra-${making.count}`])
      const remove = extras.slice(0, 1).map((key) => key.slice('route:'.length))
      const put = [...ids].map((id) => routeOf(id, body))
      const wishes = [
        ...[...ids].map((id) => putWish(id, body)),
        ...remove.map((id): Wish => [`route:${id}`, null]),
      ]
      return change(wishes, json('POST', '/api/changes?force=true', { routes: { put, remove } }))
    }
    case 'bulk': {
      const pad = String(making.count).padStart(8, '0')
      const from = below(base.length - bulkSize)
      const ids = base.slice(from, from + bulkSize)
      const put = ids.map((id) => routeOf(id, body, pad))
      const wishes = ids.map((id) => putWish(id, body, pad))
      return change(wishes, json('POST', '/api/changes?force=true', { routes: { put } }))
    }
    case 'upload': {
      const serving = state.items.get('module:uploaded')?.content
      const others = making.artifacts.flatMap((artifact, at) =>
        `${at + 1}.0.0` === serving ? [] : [{ artifact, version: `${at + 1}.0.0` }],
      )
      const { artifact, version } = others[below(others.length)]!
      const send = json('POST', '/api/modules?force=true&reason=back', {
        name: 'uploaded',
        artifact,
      })
      return change([['module:uploaded', version]], send)
    }
    case 'save': {
      const { count, folder } = making
      const version = `${count}.0.0`
      const send = async (instance: Instance): Promise<null> => {
        const applied = instance.next(isApplied('live', version))
        save(folder, 'live.js', moduleText('live', count))
        await applied
        return null
      }
      return change([['module:live', version]], send, true)
    }
    case 'rollback': {
      const numbers = [...known.keys()].filter((number) => number < state.revision)
      const number = numbers[below(numbers.length)]
      if (number === undefined) return makeChange('put', state, making)
      const wishes = wishesBetween(state, known.get(number)!)
      return change(wishes, json('POST', `/api/revisions/${number}/rollback`))
    }
    default:
      return kind satisfies never
  }
}
