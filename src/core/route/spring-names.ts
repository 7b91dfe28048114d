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

/** Filters of Spring that there is no way to honour, or that are said in another way. */
export const refusedFilters: ReadonlyMap<string, string> = new Map([
  ['ModifyRequestBody', 'it is Java code'],
  ['ModifyResponseBody', 'it is Java code'],
  ['CacheRequestBody', 'it keeps a body as an object of a Java class, for Java code'],
  ['JsonToGrpc', 'it calls gRPC, which is not spoken here'],
  ['RemoveJsonAttributesResponseBody', 'bodies are passed on as they come and never parsed'],
  [
    'RequestHeaderToRequestUri',
    'the client would choose which server is asked: name it as uri or upstream',
  ],
  [
    'SetRequestUri',
    'the request would choose which server is asked: name it as uri or upstream, and its path with SetPath',
  ],
  ['SaveSession', 'there are no sessions of Spring to save'],
  ['TokenRelay', 'there are no tokens of an OAuth2 client of Spring to pass on'],
])
