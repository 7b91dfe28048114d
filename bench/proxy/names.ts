/** Proxies of npm, which run on Node as we do. */
export const npmNames = ['http-proxy-3', 'httpxy', 'fast-proxy', '@fastify/http-proxy'] as const

export type NodeProxyName = 'turnout' | (typeof npmNames)[number]
export type ProxyName = NodeProxyName | 'nginx' | 'haproxy' | 'caddy' | 'go'

/** Each proxy, in the order of the rounds. */
export const proxyNames: readonly ProxyName[] = [
  'turnout',
  'nginx',
  'haproxy',
  'caddy',
  'go',
  ...npmNames,
]
