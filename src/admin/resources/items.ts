import type * as z from 'zod'
import { routeShown, upstreamShown } from '../shown-schemas.ts'
import { jsonType, mergePatchType } from '../media.ts'
import { pageOf, routeItem, upstreamItem } from '../answer-schemas.ts'
import { createItem, deleteItem, getItem, patchItem, putItem } from '../edit-item.ts'
import { routeKind, upstreamKind } from '../kinds.ts'
import { listItems } from '../page.ts'
import type { BodyRule, Resources } from '../resource.ts'
import { changeQuery, itemBody, itemChangeQuery, noQuery, ownedPageQuery } from '../schemas.ts'
import type { Item } from '../answers.ts'

const limit = (): number => 1024 * 1024
const json = (shown: z.ZodType): BodyRule<Item> => ({
  types: [jsonType],
  schema: itemBody,
  shown,
  limit,
})
const patch: BodyRule<Item> = { types: [jsonType, mergePatchType], schema: itemBody, limit }

const conflicts = [
  'TURNOUT_INPUT_INVALID',
  'TURNOUT_ROUTE_CONFLICT',
  'TURNOUT_OWNER_DIFFERS',
  'TURNOUT_ROLLOUT_RUNNING',
  'TURNOUT_ITEM_CHANGED',
  'TURNOUT_MATCH_MISSING',
  'TURNOUT_ITEM_UNKNOWN',
] as const

/** Routes, one by one. */
export const routeResources: Pick<
  Resources,
  'listRoutes' | 'createRoute' | 'getRoute' | 'putRoute' | 'patchRoute' | 'deleteRoute'
> = {
  listRoutes: {
    summary: 'Routes, page by page',
    scope: 'read',
    query: ownedPageQuery,
    body: null,
    answers: { 200: pageOf(routeItem) },
    refusals: [],
    handle: ({ context, query }) => listItems(routeKind(context), context, query),
  },
  createRoute: {
    summary: 'Add a route',
    scope: 'write',
    query: changeQuery,
    body: json(routeShown),
    answers: { 201: routeItem },
    refusals: ['TURNOUT_INPUT_INVALID', 'TURNOUT_ITEM_EXISTS', 'TURNOUT_ROUTE_CONFLICT'],
    handle: (request) => createItem(routeKind(request.context), request, request.body),
  },
  getRoute: {
    summary: 'A route',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: routeItem },
    refusals: ['TURNOUT_ITEM_UNKNOWN'],
    handle: ({ context, params }) => getItem(routeKind(context), context, params.id),
  },
  putRoute: {
    summary: 'Replace a route; with If-None-Match: * add it',
    scope: 'write',
    query: itemChangeQuery,
    body: json(routeShown),
    answers: { 200: routeItem, 201: routeItem },
    refusals: conflicts,
    handle: (request) =>
      putItem(routeKind(request.context), request, request.params.id, request.body),
  },
  patchRoute: {
    summary: 'Change parts of a route; {"enabled": false} switches off a route of any owner',
    scope: 'write',
    query: itemChangeQuery,
    body: patch,
    answers: { 200: routeItem },
    refusals: conflicts,
    handle: (request) =>
      patchItem(routeKind(request.context), request, request.params.id, request.body),
  },
  deleteRoute: {
    summary: 'Remove a route',
    scope: 'write',
    query: itemChangeQuery,
    body: null,
    answers: { 204: null },
    refusals: conflicts,
    handle: (request) => deleteItem(routeKind(request.context), request, request.params.id),
  },
}

/** Upstreams, one by one. */
export const upstreamResources: Pick<
  Resources,
  | 'listUpstreams'
  | 'createUpstream'
  | 'getUpstream'
  | 'putUpstream'
  | 'patchUpstream'
  | 'deleteUpstream'
> = {
  listUpstreams: {
    summary: 'Upstreams, page by page',
    scope: 'read',
    query: ownedPageQuery,
    body: null,
    answers: { 200: pageOf(upstreamItem) },
    refusals: [],
    handle: ({ context, query }) => listItems(upstreamKind(context), context, query),
  },
  createUpstream: {
    summary: 'Add an upstream',
    scope: 'write',
    query: changeQuery,
    body: json(upstreamShown),
    answers: { 201: upstreamItem },
    refusals: ['TURNOUT_INPUT_INVALID', 'TURNOUT_ITEM_EXISTS'],
    handle: (request) => createItem(upstreamKind(request.context), request, request.body),
  },
  getUpstream: {
    summary: 'An upstream',
    scope: 'read',
    query: noQuery,
    body: null,
    answers: { 200: upstreamItem },
    refusals: ['TURNOUT_ITEM_UNKNOWN'],
    handle: ({ context, params }) => getItem(upstreamKind(context), context, params.name),
  },
  putUpstream: {
    summary: 'Replace an upstream; with If-None-Match: * add it',
    scope: 'write',
    query: itemChangeQuery,
    body: json(upstreamShown),
    answers: { 200: upstreamItem, 201: upstreamItem },
    refusals: conflicts,
    handle: (request) =>
      putItem(upstreamKind(request.context), request, request.params.name, request.body),
  },
  patchUpstream: {
    summary: 'Change parts of an upstream',
    scope: 'write',
    query: itemChangeQuery,
    body: patch,
    answers: { 200: upstreamItem },
    refusals: conflicts,
    handle: (request) =>
      patchItem(upstreamKind(request.context), request, request.params.name, request.body),
  },
  deleteUpstream: {
    summary: 'Remove an upstream that no route uses',
    scope: 'write',
    query: itemChangeQuery,
    body: null,
    answers: { 204: null },
    refusals: conflicts,
    handle: (request) => deleteItem(upstreamKind(request.context), request, request.params.name),
  },
}
