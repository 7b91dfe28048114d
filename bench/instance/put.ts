import type { Asked } from './wire.ts'
import { definitionAt, idAt } from './routes.ts'

/** Replaces one route, whatever it was. */
export function putRoute(token: string, at: number, body: string): Asked {
  return {
    method: 'PUT',
    path: `/api/routes/${idAt(at)}?force=true`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(definitionAt(at, body)),
  }
}
