import type { Answer, Instance } from './instance.ts'

/*
 * What an instance must serve, kept beside it: each change is a function from state to state, so after a kill there are
 * two states that may be found, and every other is wrong.
 */

export interface Kept {
  /** What is said, in short; the revision apart. */
  readonly content: string
  readonly revision: number
}

/** Keys are `route:ID` and `module:NAME`. */
export interface State {
  readonly revision: number
  readonly items: ReadonlyMap<string, Kept>
}

/** An item as it shall be; null: gone. */
export type Wish = readonly [key: string, content: string | null]

/** The state after a change that wishes this. One that changes nothing is no revision. */
export function nextState(state: State, wishes: readonly Wish[]): State {
  const real = wishes.filter(
    ([key, content]) => content !== (state.items.get(key)?.content ?? null),
  )
  if (real.length === 0) return state
  const revision = state.revision + 1
  const items = new Map(state.items)
  for (const [key, content] of real) {
    if (content === null) items.delete(key)
    else items.set(key, { content, revision })
  }
  return { revision, items }
}

/** What a rollback from one state to another wishes. */
export function wishesBetween(from: State, to: State): readonly Wish[] {
  const gone = [...from.items.keys()].filter((key) => !to.items.has(key))
  return [
    ...gone.map((key): Wish => [key, null]),
    ...[...to.items].map(([key, { content }]): Wish => [key, content]),
  ]
}

/** A route that answers its body; `pad` makes it long. */
export const routeOf = (id: string, body: string, pad: string = ''): object => ({
  id,
  path: `/${id}`,
  target: { respond: { status: 200, body } },
  ...(pad === '' ? {} : { metadata: { pad: pad.repeat(250) } }),
})

/** What the model says of such a route. */
export const contentOf = (body: string, pad: string = ''): string => `${body}|${pad}`

/** Reads everything of an instance, page by page. Throws where something is not what any change here could have made. */
export async function readState({ send }: Instance): Promise<State> {
  const items = new Map<string, Kept>()
  const revisions = new Set<number>()
  const moduleRoutes: string[] = []
  const pages = async (path: string, take: (item: Answer['body']) => void): Promise<void> => {
    let after = ''
    do {
      const { status, text, body } = await send('GET', `${path}?limit=1000${after}`)
      if (status !== 200) throw new Error(text)
      revisions.add(body.revision)
      for (const item of body.items) take(item)
      after = body.next === null ? '' : `&after=${encodeURIComponent(body.next)}`
    } while (after !== '')
  }
  await pages('/api/routes', (item) => {
    if (item.owner === 'admin')
      items.set(`route:${item.id}`, { content: readRoute(item), revision: item.revision })
    else moduleRoutes.push(item.id)
  })
  await pages('/api/modules', ({ name, version, revision }) => {
    items.set(`module:${name}`, { content: version, revision })
    const id = `${name}#GET /${name}`
    const at = moduleRoutes.indexOf(id)
    if (at < 0) throw new Error(`the route of the module ${name} is missing`)
    moduleRoutes.splice(at, 1)
  })
  if (moduleRoutes.length > 0) throw new Error(`routes without a module: ${moduleRoutes.join()}`)
  const [revision = -1, another] = revisions
  if (another !== undefined) throw new Error('it changed while it was read')
  return { revision, items }
}

function readRoute({ id, path, target, metadata, enabled }: Answer['body']): string {
  const pad: string = metadata?.pad ?? ''
  const unit = pad.slice(0, 8)
  const isWhole = path === `/${id}` && target.respond.status === 200 && enabled === undefined
  if (!isWhole || pad !== unit.repeat(250)) throw new Error(`the route ${id} is no whole route`)
  return contentOf(target.respond.body, unit === '' ? '' : unit)
}

/** How two states differ, in a few words; empty: not at all. */
export function differences(found: State, wanted: State): readonly string[] {
  const told: string[] = []
  if (found.revision !== wanted.revision)
    told.push(`revision ${found.revision}, not ${wanted.revision}`)
  for (const key of new Set([...found.items.keys(), ...wanted.items.keys()])) {
    const [left, right] = [found.items.get(key), wanted.items.get(key)]
    if (left?.content !== right?.content || left?.revision !== right?.revision)
      told.push(`${key}: ${JSON.stringify(left)}, not ${JSON.stringify(right)}`)
  }
  return told.slice(0, 10)
}
