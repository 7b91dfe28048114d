import { problem, type Problem } from '../../../src/core/errors.ts'
import type { Json } from '../../../src/core/json.ts'
import type { Route } from '../../../src/core/route/route.ts'
import type { ParsePlace, RouteModel } from '../../../src/admin/context.ts'

// Stands in until the parser of the ground floor is merged.
const at = (place: ParsePlace, key: string, reason: string): Problem =>
  problem(
    'TURNOUT_INPUT_VALUE',
    { pointer: place.pointer + key, reason },
    { pointer: place.pointer + key },
  )

export const model: RouteModel = {
  parseRoute: (input, place) => {
    const {
      id = place.id,
      path,
      paths,
      methods = ['*'],
      target,
      uri,
      predicates,
      enabled = true,
      metadata = null,
      ...rest
    } = input as { [key: string]: any }
    const problems = Object.keys(rest).map((key) => at(place, `/${key}`, 'there is no such key'))
    if (typeof id !== 'string') problems.push(at(place, '/id', 'expected a text'))
    if (place.id !== undefined && id !== place.id)
      problems.push(at(place, '/id', 'not that of the address'))
    const found = path ?? predicates?.[0]?.args?._gen
    if (typeof found !== 'string' && !Array.isArray(paths))
      problems.push(at(place, '/path', 'expected a text'))
    if (problems.length > 0) return { route: null, problems }
    const route: Route = {
      id,
      owner: place.owner,
      methods,
      paths: paths ?? [found],
      target:
        uri !== undefined
          ? { kind: 'uri', uri }
          : target?.upstream !== undefined
            ? { kind: 'upstream', upstream: target.upstream }
            : { kind: 'respond', status: 200, headers: {}, body: '' },
      selection: null,
      enabled,
      metadata,
      definition: predicates === undefined ? null : (input as Json),
      revision: 0,
    }
    return { route, problems: null }
  },
  parseUpstream: (input, place) => {
    const { name = place.id, endpoints, metadata = null } = input as { [key: string]: any }
    if (!Array.isArray(endpoints))
      return { upstream: null, problems: [at(place, '/endpoints', 'expected a list')] }
    return {
      upstream: { name, owner: place.owner, endpoints, metadata, revision: 0 },
      problems: null,
    }
  },
  renderRoute: ({ id, methods, paths, target, enabled, metadata }) => ({
    id,
    ...(methods[0] === '*' ? {} : { methods }),
    paths,
    ...(target.kind === 'uri'
      ? { uri: target.uri }
      : target.kind === 'upstream'
        ? { target: { upstream: target.upstream } }
        : {}),
    ...(enabled ? {} : { enabled }),
    ...(metadata === null ? {} : { metadata }),
  }),
  renderUpstream: ({ name, endpoints, metadata }) => ({
    name,
    endpoints: endpoints.map((one) => ({ ...one })),
    ...(metadata === null ? {} : { metadata }),
  }),
  renderSpring: ({ definition }) => ({ definition }),
}
