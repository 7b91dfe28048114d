import { mostOpenFiles } from '../worker/resources/file-limit.ts'

/** Connections that a listener may hold: the rest of the files is for upstreams, modules and the store. */
export function mostConnections(limit: number): number {
  return Math.max(1, Math.min(limit, Math.floor(mostOpenFiles() / 3)))
}
