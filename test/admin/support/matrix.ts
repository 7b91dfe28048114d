import { operations, type OperationName } from '../../../src/admin/operations.ts'
import { resources } from '../../../src/admin/resources.ts'
import { target, type Sending } from './open.ts'

/** A request that an operation would take, with nothing wrong in it but what a case adds. */
export interface Sample {
  readonly name: OperationName
  readonly method: string
  readonly target: string
  readonly sending: Sending
  /** Whether the operation takes a body. */
  readonly hasBody: boolean
}

const bodies: Partial<Record<OperationName, unknown>> = {
  probe: { method: 'GET', url: '/' },
  change: { routes: { put: [{ id: 'changed', path: '/changed', target }] } },
  createRoute: { id: 'created', path: '/created', target },
  putRoute: { path: '/put', target },
  patchRoute: { enabled: false },
  createUpstream: { name: 'created', endpoints: [{ url: 'http://127.0.0.1:1' }] },
  putUpstream: { endpoints: [{ url: 'http://127.0.0.1:2' }] },
  patchUpstream: { metadata: { a: 1 } },
  forceBreaker: { state: 'CLOSED' },
  uploadModule: {
    name: 'users',
    artifact: {
      script: '',
      map: '{}',
      sources: [],
      imports: [],
      parameters: [],
      externals: [],
      digest: '0'.repeat(64),
    },
  },
  startRollout: { module: 'users@2.0.0' },
  createToken: { name: 'made', scopes: ['read'] },
  putSpringRoute: {
    uri: 'http://127.0.0.1:1',
    predicates: [{ name: 'Path', args: { _gen: '/spring' } }],
  },
}

const values: Readonly<Record<string, string>> = {
  id: 'there',
  name: 'there',
  number: '1',
  from: '0',
  to: '1',
}

/** One request for each operation of the table: a new operation is in it by itself. */
export const samples: readonly Sample[] = Object.entries(operations).map(([key, row]) => {
  const name = key as OperationName
  const hasBody = resources[name].body !== null
  const body = bodies[name]
  if (hasBody !== (body !== undefined)) throw new Error(`${name} needs a body in the matrix`)
  return {
    name,
    method: row.method,
    target: row.path.replaceAll(/\{(\w+)\}/g, (_, param: string) => values[param]!),
    sending: { headers: { 'if-match': '*' }, ...(hasBody ? { body } : {}) },
    hasBody,
  }
})

/** Scopes that do not cover what an operation needs; null: it needs none. */
export const otherScopes = (name: OperationName): readonly string[] | null => {
  const all = ['read', 'write:admin', 'deploy', 'rollback']
  switch (resources[name].scope) {
    case 'none':
      return null
    case 'admin':
      return all
    case 'change':
      return ['read']
    case 'write':
      return all.filter((scope) => scope !== 'write:admin')
    case 'read':
    case 'deploy':
    case 'rollback':
      return all.filter((scope) => scope !== resources[name].scope)
    default:
      return resources[name].scope satisfies never
  }
}
