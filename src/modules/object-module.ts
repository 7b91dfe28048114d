import { codeKey } from '../worker/worker.ts'
import { readDefinition, type Definition, type ModuleExport, type Mount } from './definition.ts'
import { routeId } from '../core/route/module-routes.ts'
import { referenceOf } from './module-version.ts'
import { listDefinition } from './inspect.ts'
import { authorProblem } from './report.ts'
import type { FileLoad } from './loader.ts'

let count = 0

/**
 * A module given as an object by the embedding program: its code runs here already, so there is nothing to build
 * and nothing to rehearse. Its digest is a label of this process, and its revisions are volatile.
 */
export function loadObject(
  exported: ModuleExport,
  name: string | undefined,
  mount: Mount,
  ownerPrefix: string,
): { readonly owner: string; readonly label: string; readonly load: () => Promise<FileLoad> } {
  const label = name ?? nameOf(exported) ?? 'module'
  const owner = `${ownerPrefix}:${label}`
  count += 1
  const digest = `object:${count}`
  const load = async (): Promise<FileLoad> => {
    try {
      const definition = readDefinition(exported, label, mount)
      const named: Definition = { ...definition, name: label }
      const { routes, filters } = listDefinition(named, { isServing: true })
      const { version, lifecycle, isolation } = named
      const reference = referenceOf({
        name: label,
        owner,
        version,
        digest,
        file: null,
        filters,
        lifecycle,
        isolation,
      })
      const listed = routes.map(({ method, path }) => ({
        id: routeId(label, method, path),
        method,
        path,
      }))
      const code = { key: codeKey(reference), open: () => Promise.resolve(named) }
      return { ok: true, module: { reference, routes: listed, code, save: null }, inputs: [] }
    } catch (error) {
      return {
        ok: false,
        problems: [authorProblem(error, { module: label, file: null })],
        inputs: [],
      }
    }
  }
  return { owner, label, load }
}

const nameOf = (exported: ModuleExport): string | undefined => {
  const { name } = exported as { name?: unknown }
  return typeof exported === 'object' && typeof name === 'string' && name !== '' ? name : undefined
}
