import * as z from 'zod'
import { errorTable, type ErrorCode } from '../core/errors.ts'
import { problemAnswer } from './answer-schemas.ts'
import type { Item } from './answers.ts'
import { eventsType, jsonType, metricsType, problemType } from './media.ts'
import { isChange, operations, type OperationName } from './operations.ts'
import type { Resource, Resources } from './resource.ts'

/** What every operation may refuse with, whatever it does. */
const always: readonly ErrorCode[] = [
  'TURNOUT_QUERY_INVALID',
  'TURNOUT_ADMIN_HOST',
  'TURNOUT_ADMIN_FAILED',
]
const ofTokens: readonly ErrorCode[] = ['TURNOUT_TOKEN_MISSING', 'TURNOUT_TOKEN_LOCKED']
const ofBodies: readonly ErrorCode[] = [
  'TURNOUT_JSON_INVALID',
  'TURNOUT_BODY_TYPE',
  'TURNOUT_BODY_TOO_LARGE',
  'TURNOUT_INPUT_INVALID',
]
const ofChanges: readonly ErrorCode[] = [
  'TURNOUT_RATE_LIMITED',
  'TURNOUT_CHANGES_WAITING',
  'TURNOUT_AUDIT_FAILED',
  'TURNOUT_KEY_RUNNING',
]

const refusalsOf = (name: OperationName, resource: Resource): readonly ErrorCode[] => [
  ...always,
  ...(resource.scope === 'none' ? [] : ofTokens),
  ...(resource.body === null ? [] : ofBodies),
  ...(isChange(name) ? ofChanges : []),
  ...resource.refusals,
]

/** A schema as OpenAPI 3.1 has it: JSON Schema 2020-12 without the name of the draft. */
const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Item => {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest as unknown as Item
}

const paramsOf = (path: string): Item[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name: name!,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))

const queryOf = (resource: Resource): Item[] => {
  const { properties = {} } = schemaOf(resource.query, 'input') as { properties?: Item }
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema }))
}

const fieldsOf = (name: OperationName, resource: Resource): Item[] => {
  const ref = (field: string): Item => ({ $ref: `#/components/parameters/${field}` })
  const isItem = operations[name].path.includes('{') && resource.query !== undefined
  return [
    ...(isChange(name) && resource.isRepeatable !== false ? [ref('IdempotencyKey')] : []),
    ...(isItem && /^(?:put|patch|delete)/.test(name) ? [ref('IfMatch')] : []),
    ...(name === 'events' ? [ref('LastEventId')] : []),
  ]
}

const responsesOf = (name: OperationName, resource: Resource): Item => {
  const responses: Record<string, Item> = {}
  for (const [status, schema] of Object.entries(resource.answers)) {
    const textType = name === 'events' ? eventsType : name === 'metrics' ? metricsType : null
    const content =
      schema === null
        ? textType === null
          ? null
          : { [textType]: { schema: { type: 'string' } } }
        : { [jsonType]: { schema: schemaOf(schema, 'output') } }
    responses[status] = {
      description: resource.summary,
      headers: { 'Turnout-Request-Id': { schema: { type: 'string' } } },
      ...(content === null ? {} : { content }),
    }
  }
  const byStatus = new Map<number, readonly ErrorCode[]>()
  for (const code of refusalsOf(name, resource)) {
    const { status } = errorTable[code]
    byStatus.set(status, [...new Set([...(byStatus.get(status) ?? []), code])])
  }
  for (const [status, codes] of byStatus) {
    responses[String(status)] ??= {
      description: codes.join(', '),
      content: { [problemType]: { schema: { $ref: '#/components/schemas/Problem' } } },
    }
  }
  return responses
}

const operationOf = (name: OperationName, resource: Resource): Item => ({
  operationId: name,
  summary: resource.summary,
  ...(resource.scope === 'none'
    ? { security: [] }
    : { description: `Scope: ${resource.scope}`, security: [{ token: [] }] }),
  parameters: [
    ...paramsOf(operations[name].path),
    ...queryOf(resource),
    ...fieldsOf(name, resource),
  ],
  ...(resource.body === null
    ? {}
    : {
        requestBody: {
          required: true,
          content: Object.fromEntries(
            resource.body.types.map((type) => [
              type,
              { schema: schemaOf(resource.body!.shown ?? resource.body!.schema, 'input') },
            ]),
          ),
        },
      }),
  responses: responsesOf(name, resource),
})

const field = (name: string, description: string): Item => ({
  name,
  in: 'header',
  description,
  schema: { type: 'string' },
})

/** The OpenAPI 3.1 document of the table of resources. */
export function describeApi(resources: Resources): Item {
  const paths: Record<string, Record<string, Item>> = {}
  for (const [key, { method, path }] of Object.entries(operations)) {
    const name = key as OperationName
    const of = (paths[path] ??= {})
    of[method.toLowerCase()] = operationOf(name, resources[name])
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Turnout admin API',
      version: '1',
      description: 'Changes the routes of a running instance.',
    },
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      parameters: {
        IfMatch: field('If-Match', 'ETag of the item as it was looked at; * for any.'),
        IdempotencyKey: field(
          'Idempotency-Key',
          'The same key and body within 24 hours are answered as the first time. Kept in memory only.',
        ),
        LastEventId: field('Last-Event-ID', 'Id of the last event that was seen.'),
      },
      schemas: { Problem: schemaOf(problemAnswer, 'output') },
    },
  }
}
