import type { AdminClient } from '../../admin/client.ts'
import type { Item, RouteItem } from '../../admin/answers.ts'
import { plainLine } from '../../core/plain-text.ts'
import { alignTable, count } from '../align.ts'
import type { Style } from '../colour.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import type { ListOptions } from './commands.ts'
import { demand, withInstance } from './reach.ts'
import { targetText, textOf } from './route-text.ts'

/** A route of an instance at one of its methods and paths. */
export interface InstanceRouteView {
  readonly method: string
  readonly pattern: string
  readonly id: string
  readonly owner: string
  /** For people: `module users`, `upstream u`, a URI, `respond 200`. */
  readonly target: string
  readonly module?: string
  /** Of the module, or that which a request selects the route by. */
  readonly version?: string
  /** That last touched it. */
  readonly revision: number
  /** `off`: switched off by hand; `disabled`: its author says so. */
  readonly state: 'on' | 'off' | 'disabled'
}

const pageSize = 1_000

/** `routes` of a running instance. */
export function routes(options: ListOptions): Promise<number> {
  const { terminal, json, fallback } = options
  const list = async (client: AdminClient): Promise<number> => {
    const versions = await versionsOf(client)
    const { items, revision } = await allRoutes(client)
    const views = items.flatMap((item) => viewsOf(item, versions))
    if (json) for (const view of views) terminal.out(printEvent({ event: 'route', ...view }))
    else terminal.out(printInstanceRoutes(views, revision, terminal.paintOut))
    return exitCodes.ok
  }
  return withInstance(options, list, { fallback })
}

async function allRoutes(
  client: AdminClient,
): Promise<{ readonly items: readonly RouteItem[]; readonly revision: number }> {
  const items: RouteItem[] = []
  let after: string | undefined
  for (;;) {
    const { body } = await demand(client.listRoutes({ query: { limit: pageSize, after } }))
    items.push(...body.items)
    if (body.next === null) return { items, revision: body.revision }
    after = body.next
  }
}

async function versionsOf(client: AdminClient): Promise<ReadonlyMap<string, string>> {
  const versions = new Map<string, string>()
  let after: string | undefined
  for (;;) {
    const { body } = await demand(client.listModules({ query: { limit: pageSize, after } }))
    for (const { name, version } of body.items) versions.set(name, version)
    if (body.next === null) return versions
    after = body.next
  }
}

function viewsOf(
  item: RouteItem,
  versions: ReadonlyMap<string, string>,
): readonly InstanceRouteView[] {
  const { id, owner, revision } = item
  const target = targetText(item)
  const [, module] = /^module (.*)$/s.exec(target) ?? []
  const version = (module === undefined ? undefined : versions.get(module)) ?? item['version']
  const state = item['switchedOff'] === true ? 'off' : item['enabled'] === false ? 'disabled' : 'on'
  return textsOf(item, 'path', 'paths').flatMap((pattern) =>
    (Array.isArray(item['methods']) ? item['methods'] : ['*']).map((method): InstanceRouteView => ({
      method: textOf(method),
      pattern,
      id,
      owner,
      target,
      ...(module === undefined ? {} : { module }),
      ...(typeof version === 'string' ? { version } : {}),
      revision,
      state,
    })),
  )
}

const textsOf = (item: Item, one: string, many: string): readonly string[] => {
  const list = item[many]
  return Array.isArray(list) ? list.map(textOf) : [textOf(item[one])]
}

const heads = ['METHOD', 'PATTERN', 'ID', 'OWNER', 'TARGET', 'VERSION', 'REVISION', '']
const styles: readonly (Style | undefined)[] = [
  'bold',
  undefined,
  undefined,
  undefined,
  undefined,
  'dim',
  'dim',
  'yellow',
]

/** The route table of an instance in aligned columns, by pattern. */
export function printInstanceRoutes(
  views: readonly InstanceRouteView[],
  revision: number,
  paint: Parameters<typeof alignTable>[3],
): string {
  if (views.length === 0) return `no routes in revision ${revision}\n`
  const keyOf = ({ pattern, method }: InstanceRouteView): string => `${pattern}\0${method}`
  const rows = [...views]
    .sort((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1))
    .map(({ method, pattern, id, owner, target, version, revision: touched, state }) =>
      [
        method,
        pattern,
        id,
        owner,
        target,
        version ?? '-',
        String(touched),
        state === 'on' ? '' : state,
      ].map(plainLine),
    )
  const owners = new Set(views.map(({ owner }) => owner))
  const total = `${count(views.length, 'route')} of ${count(owners.size, 'owner')}, revision ${revision}`
  return `${alignTable(heads, rows, styles, paint)}\n${paint('dim', total)}\n`
}
