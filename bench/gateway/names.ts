/** What each server is, in the order of the rounds. */
export const serverNames = [
  'node:http',
  'fastify',
  'hono',
  'turnout',
  'turnout module file',
  'turnout and its logger',
] as const

export type ServerName = (typeof serverNames)[number]
