import { TurnoutError } from '../../core/errors.ts'
import { getKey } from '../../core/persistent-map.ts'
import type { ModuleReference } from '../../core/route/route.ts'
import type { Table } from '../../core/route/table.ts'
import { moduleItem, pageOf as pageSchema } from '../answer-schemas.ts'
import type { AdminContext } from '../context.ts'
import { demandModule, deployItem, loadUploads } from '../deploy.ts'
import { jsonType } from '../media.ts'
import { pageOf } from '../page.ts'
import { demandMatch, demandOwner, entityTag } from '../precondition.ts'
import { publish } from '../publish.ts'
import { moduleOf } from '../render.ts'
import type { AdminRequest, Answer, Resources } from '../resource.ts'
import { itemChangeQuery, noQuery, pageQuery, uploadBody, uploadQuery } from '../schemas.ts'

/** Route modules: built elsewhere, uploaded as artifacts. */
export const moduleResources: Pick<
  Resources,
  'listModules' | 'uploadModule' | 'getModule' | 'deleteModule'
> = {
  listModules: {
    summary: 'Route modules, page by page',
    scope: 'read',
    query: pageQuery,
    body: null,
    answers: { 200: pageSchema(moduleItem) },
    refusals: [],
    handle: ({ context, query }) => {
      const { table, revision } = context.control.current
      const render = (reference: ModuleReference) => shown(context, reference)
      return { status: 200, body: pageOf(table.modules, query, revision.number, render) }
    },
  },
  uploadModule: {
    summary:
      'Deploy a built module, new or in place of its last version; ?beside=true beside it, at weight 0',
    scope: 'deploy',
    query: uploadQuery,
    body: { types: [jsonType], schema: uploadBody, limit: () => 32 * 1024 * 1024 },
    answers: { 200: moduleItem, 201: moduleItem },
    refusals: [
      'TURNOUT_INPUT_INVALID',
      'TURNOUT_ROUTE_CONFLICT',
      'TURNOUT_MODULE_NAME_TAKEN',
      'TURNOUT_ITEM_CHANGED',
      'TURNOUT_MATCH_MISSING',
    ],
    handle: upload,
  },
  getModule: {
    summary: 'A route module, and its versions on this instance',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: moduleItem },
    refusals: ['TURNOUT_ITEM_UNKNOWN'],
    handle: ({ context, params: { name } }) => {
      const reference = getKey(context.control.current.table.modules, name)
      if (reference === undefined)
        throw new TurnoutError('TURNOUT_ITEM_UNKNOWN', { noun: 'module', id: name })
      const headers = { etag: entityTag(reference.revision) }
      return { status: 200, headers, body: shown(context, reference) }
    },
  },
  deleteModule: {
    summary: 'Remove an uploaded module and its routes',
    scope: 'deploy',
    query: itemChangeQuery,
    body: null,
    answers: { 204: null },
    refusals: [
      'TURNOUT_ITEM_UNKNOWN',
      'TURNOUT_OWNER_DIFFERS',
      'TURNOUT_ITEM_CHANGED',
      'TURNOUT_MATCH_MISSING',
    ],
    handle: async (request) => {
      const { name } = request.params
      const items = (table: Table) => {
        const there = demandModule(table, name)
        demandMatch({ ...there, id: name }, request.match, request.query.force === true)
        return [{ kind: 'remove', owner: there.owner } as const]
      }
      const published = await publish({ ...request, reason: `remove the module ${name}`, items })
      return { status: 204, headers: { 'turnout-revision': String(published.revision) } }
    },
  },
}

const shown = (context: AdminContext, reference: ModuleReference) => ({
  ...moduleOf(reference),
  live: context.moduleFacts(reference.name),
})

async function upload(request: AdminRequest<'uploadModule'>): Promise<Answer> {
  const { context, body, match, query } = request
  const [module] = await loadUploads(context, [body], null)
  const { reference } = module!
  const { name } = reference
  let isNew = true
  const items = (table: Table) => {
    const there = getKey(table.modules, name)
    isNew = there === undefined
    // Nothing that is there changes, so nobody has to have looked at it; nor does it matter who put it there.
    if (there !== undefined && query.beside === true) {
      isNew = true
      return [context.besideItem(module!)]
    }
    if (there !== undefined) {
      demandOwner({ ...there, id: name }, reference.owner)
      demandMatch({ ...there, id: name }, match, query.force === true)
    }
    return [deployItem(module!)]
  }
  const reason = `deploy ${name} ${reference.version}`
  const { revision, isChanged } = await publish({ ...request, reason, items })
  const now = getKey(context.control.current.table.modules, name)
  const touched = isChanged ? revision : (now?.revision ?? revision)
  return {
    status: isNew ? 201 : 200,
    headers: {
      etag: entityTag(touched),
      'turnout-revision': String(revision),
      ...(isNew ? { location: `/api/modules/${encodeURIComponent(name)}` } : {}),
    },
    body: shown(context, { ...reference, revision: touched }),
  }
}
