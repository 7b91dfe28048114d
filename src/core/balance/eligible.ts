/**
 * Those that may serve; when none may, all of them: a health check that is wrong about every endpoint must not do what no
 * failure of one could. (Envoy gives up on health when half are unhealthy; here one healthy endpoint is enough.) The
 * list itself where all may, so that the common case makes no other.
 */
export function eligible<Some>(
  endpoints: readonly Some[],
  mayServe: (endpoint: Some) => boolean,
): readonly Some[] {
  if (endpoints.every(mayServe)) return endpoints
  const chosen = endpoints.filter(mayServe)
  return chosen.length === 0 ? endpoints : chosen
}
