import { placeAt, type Locate } from '../../config/source.ts'
import type { ChangeRequest, Item } from '../../admin/answers.ts'
import type { ModuleUpload } from '../../admin/upload.ts'
import type { Removal } from './commands.ts'
import type { WrittenAt } from './reach.ts'

/** Where a part of a change was written. */
export interface Origin {
  /** As people name it. */
  readonly file: string
  /** Null: it was not written as data. */
  readonly source: {
    readonly text: string
    readonly locate: Locate
    /** From the top of the file to the part. */
    readonly path: readonly (string | number)[]
  } | null
}

/** A part and where it was written. */
export interface Written<Value> {
  readonly value: Value
  readonly origin: Origin
}

/** What the files of one command line ask for, together. */
export interface Parts {
  readonly routes: readonly Written<Item>[]
  readonly upstreams: readonly Written<Item>[]
  readonly modules: readonly Written<ModuleUpload>[]
  readonly remove: readonly Removal[]
  readonly enable: readonly string[]
  readonly disable: readonly string[]
  readonly reasons: readonly string[]
  readonly bases: readonly number[]
}

/** Parts of which only some are there. */
export function partsOf(some: Partial<Parts>): Parts {
  const lists = { routes: [], upstreams: [], modules: [], remove: [], enable: [], disable: [] }
  return { ...lists, reasons: [], bases: [], ...some }
}

/** All parts of several files, in their order. */
export function mergeParts(all: readonly Parts[]): Parts {
  return {
    routes: all.flatMap(({ routes }) => routes),
    upstreams: all.flatMap(({ upstreams }) => upstreams),
    modules: all.flatMap(({ modules }) => modules),
    remove: all.flatMap(({ remove }) => remove),
    enable: all.flatMap(({ enable }) => enable),
    disable: all.flatMap(({ disable }) => disable),
    reasons: all.flatMap(({ reasons }) => reasons),
    bases: all.flatMap(({ bases }) => bases),
  }
}

/** The one change set of all parts. Of several revisions that were looked at, the oldest tells what was not seen. */
export function requestOf(parts: Parts, basedOn: number | undefined): ChangeRequest {
  const values = <Value>(written: readonly Written<Value>[]): readonly Value[] =>
    written.map(({ value }) => value)
  const names = (kind: Removal['kind']): readonly string[] =>
    parts.remove.filter((one) => one.kind === kind).map(({ name }) => name)
  const { routes, upstreams, modules, enable, disable, reasons, bases } = parts
  const base = basedOn ?? (bases.length === 0 ? undefined : Math.min(...bases))
  return {
    routes: { put: values(routes), remove: names('route') },
    upstreams: { put: values(upstreams), remove: names('upstream') },
    modules: { put: values(modules), remove: names('module') },
    enable,
    disable,
    ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
    ...(base === undefined ? {} : { based_on: base }),
  }
}

/** Where a pointer into the change set points to in the files that it was made of. */
export function placeIn(parts: Parts, pointer: string): WrittenAt | null {
  const [, list = '', at = '', rest = ''] =
    /^\/(routes|upstreams|modules)\/put\/(\d+)(\/.*)?$/.exec(pointer) ?? []
  const written = parts[list as 'routes' | 'upstreams' | 'modules']?.[Number(at)]
  if (written === undefined) return null
  const { file, source } = written.origin
  if (source === null) return { file }
  const keys = rest
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  const path = [...source.path, ...keys]
  const offset = findOffset(source.locate, path)
  const escaped = path.map((key) => String(key).replaceAll('~', '~0').replaceAll('/', '~1'))
  const there = `/${escaped.join('/')}`
  return { file, pointer: there, place: placeAt(file, source.text, offset) }
}

/** What is missing has no place: the nearest thing around it has. */
function findOffset(locate: Locate, path: readonly (string | number)[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const offset = locate(path.slice(0, length), 'value')
    if (offset !== undefined) return offset
  }
  return 0
}
