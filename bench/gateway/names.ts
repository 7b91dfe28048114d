/** What each server is, in the order of the rounds. */
export const serverNames = [
  'nginx',
  'node:http',
  'fastify',
  'hono',
  'turnout',
  'turnout module file',
  'turnout with middleware',
  'turnout, safe lane',
  'turnout and its logger',
] as const

export type ServerName = (typeof serverNames)[number]
