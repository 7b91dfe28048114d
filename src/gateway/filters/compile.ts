import type { Filter } from '../../core/route/filter.ts'
import { filterModulesOf } from '../../core/route/references.ts'
import type { Route } from '../../core/route/route.ts'
import type { Handler } from '../snapshot.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import * as answers from './answers.ts'
import { breaker, failureHeaders } from './breaker.ts'
import { bulkhead } from './bulkhead.ts'
import { basicAuth } from './basic-auth.ts'
import { requestTemplate, responseTemplate } from './body-templates.ts'
import { compress } from './compress.ts'
import { cors } from './cors.ts'
import { fallback } from './fallback.ts'
import { fault } from './fault.ts'
import type { FilterPlace, Forward, Wrap } from './filter.ts'
import * as headers from './headers.ts'
import { ipFilter } from './ip-filter.ts'
import { jwt } from './jwt.ts'
import { keyAuth } from './key-auth.ts'
import { bodyLimit, headerLimit, rateLimit, timeout } from './limits.ts'
import { mirror } from './mirror.ts'
import { holding, moduleFilter } from './module.ts'
import { addPrefix, rewritePath, setPath, stripPrefix } from './path.ts'
import * as query from './query.ts'
import { redirect } from './redirect.ts'
import { responseCache } from './response-cache.ts'
import { retry } from './retry.ts'

/** The catalogue: one file, one line here. Kinds that share a shape have settings that narrow to none of them alone. */
const makers: { readonly [Kind in Filter['kind']]: (settings: never, place: FilterPlace) => Wrap } =
  {
    'strip-prefix': stripPrefix,
    'add-prefix': addPrefix,
    'set-path': setPath,
    'rewrite-path': rewritePath,
    'set-request-header': headers.setRequestHeader,
    'add-request-header': headers.addRequestHeader,
    'remove-request-header': headers.removeRequestHeader,
    'set-response-header': headers.setResponseHeader,
    'add-response-header': headers.addResponseHeader,
    'remove-response-header': headers.removeResponseHeader,
    'preserve-host': headers.preserveHost,
    redirect,
    timeout,
    retry,
    'rate-limit': rateLimit,
    bulkhead,
    cors,
    'body-limit': bodyLimit,
    mirror,
    fault,
    fallback,
    module: moduleFilter,
    'add-missing-request-headers': headers.addMissingRequestHeaders,
    'add-missing-response-header': headers.addMissingResponseHeader,
    'map-request-header': headers.mapRequestHeader,
    'set-host': headers.setHost,
    'add-query-parameter': query.addParameter,
    'remove-query-parameter': query.removeParameter,
    'rewrite-query-parameter': query.rewriteParameter,
    'header-limit': headerLimit,
    'set-status': answers.setStatus,
    'dedupe-response-header': answers.dedupe,
    'rewrite-response-header': answers.rewriteHeader,
    'rewrite-location': answers.rewriteLocation,
    'secure-headers': answers.secureHeaders,
    breaker,
    'failure-headers': failureHeaders,
    'key-auth': keyAuth,
    'basic-auth': basicAuth,
    jwt,
    'ip-filter': ipFilter,
    compress,
    'response-cache': responseCache,
    'request-template': requestTemplate,
    'response-template': responseTemplate,
  }

/** The filters of a route around its target, put together once. */
export function withFilters(
  route: Route,
  target: Handler,
  upstreams: Upstreams,
  forward: Forward = () => null,
): Handler {
  const { tracer } = upstreams.environment
  const filtered = (route.filters ?? []).reduceRight((next, filter) => {
    const place: FilterPlace = {
      routeId: route.id,
      route,
      upstreams,
      forward,
      stateOf: (make) => upstreams.stateOf(route.id, filter, make),
    }
    const filtering = makers[filter.kind](filter as never, place)(next)
    return tracer === null ? filtering : tracer.filter(filter.kind, filtering)
  }, target)
  const modules = filterModulesOf(route)
  return modules.length === 0 ? filtered : holding(modules, filtered)
}
