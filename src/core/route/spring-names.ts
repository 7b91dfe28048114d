/** Filters of Spring Cloud Gateway; those that are not translated are refused by name. */
export const springFilters: readonly string[] = [
  'AddRequestHeader',
  'AddRequestHeadersIfNotPresent',
  'AddRequestParameter',
  'AddResponseHeader',
  'CacheRequestBody',
  'CircuitBreaker',
  'DedupeResponseHeader',
  'FallbackHeaders',
  'JsonToGrpc',
  'LocalResponseCache',
  'MapRequestHeader',
  'ModifyRequestBody',
  'ModifyResponseBody',
  'PrefixPath',
  'PreserveHostHeader',
  'RedirectTo',
  'RemoveJsonAttributesResponseBody',
  'RemoveRequestHeader',
  'RemoveRequestParameter',
  'RemoveResponseHeader',
  'RequestHeaderSize',
  'RequestHeaderToRequestUri',
  'RequestRateLimiter',
  'RequestSize',
  'Retry',
  'RewriteLocationResponseHeader',
  'RewritePath',
  'RewriteRequestParameter',
  'RewriteResponseHeader',
  'SaveSession',
  'SecureHeaders',
  'SetPath',
  'SetRequestHeader',
  'SetRequestHostHeader',
  'SetRequestUri',
  'SetResponseHeader',
  'SetStatus',
  'StripPrefix',
  'TokenRelay',
]

/** Predicates of Spring that there is no way to honour. */
export const refusedPredicates: ReadonlyMap<string, string> = new Map([
  ['ReadBody', 'it runs Java code on the body of the request'],
  ['CloudFoundryRouteService', 'it is for route services of Cloud Foundry'],
])

/** Filters of Spring that are said in another way. */
export const refusedFilters: ReadonlyMap<string, string> = new Map([
  ['CircuitBreaker', 'a breaker belongs to an upstream: say breaker in its settings'],
  ['AddRequestHeadersIfNotPresent', 'there is no filter that asks whether a header is there'],
  [
    'SetRequestHostHeader',
    "the host is that of the endpoint, or with PreserveHostHeader the client's",
  ],
  ['ModifyRequestBody', 'it is Java code'],
  ['ModifyResponseBody', 'it is Java code'],
])
