import type { ServerResponse } from 'node:http'
import { withFieldOnce, withVary } from '../core/http/fields.ts'
import type { Lifecycle } from '../core/route/route.ts'
import { announcementOf, isGone } from '../core/version/lifecycle.ts'
import type { Exchange } from './exchange.ts'
import { codeReply } from './problem-reply.ts'
import { handled, Reply } from './reply.ts'
import type { Handler } from './snapshot.ts'

/**
 * Says on each answer of a route what a client is to know of its version: `Deprecation`, `Sunset` and `Link` of its
 * lifecycle, and in `Vary` the fields that chose it. A version that is gone answers 410 in its stead.
 */
export const announced =
  (next: Handler): Handler =>
  (exchange) => {
    const { lifecycle } = exchange.route!
    if (lifecycle !== undefined && isGone(lifecycle, Date.now()))
      return said(goneReply(exchange), exchange)
    const reply = next(exchange)
    return reply instanceof Promise
      ? reply.then((settled) => said(settled, exchange))
      : said(reply, exchange)
  }

/** The same for who writes to the response itself: fields that are there before it does. */
export function announceTo(response: ServerResponse, { told, route }: Exchange): void {
  const vary = told?.vary ?? null
  if (vary !== null) response.appendHeader('vary', vary)
  const { fields, link } = announcementOf(route?.lifecycle)
  for (let at = 0; at < fields.length; at += 2) response.setHeader(fields[at]!, fields[at + 1]!)
  if (link !== null) response.appendHeader('link', link)
}

/** Answers may be one object for many exchanges: what is changed is a copy. */
function said(reply: Reply, { told, route }: Exchange): Reply {
  if (reply === handled) return reply
  const vary = told?.vary ?? null
  let headers = vary === null ? [...reply.headers] : withVary(reply.headers, vary)
  const { fields, link } = announcementOf(route!.lifecycle)
  for (let at = 0; at < fields.length; at += 2)
    headers = withFieldOnce(headers, fields[at]!, fields[at + 1]!)
  if (link !== null) headers.push('link', link)
  return new Reply(reply.status, headers, reply.body)
}

/** 410, with where to go instead. */
function goneReply({ route, told }: Exchange): Reply {
  const { id, selection, lifecycle } = route!
  const version = selection?.version ?? id
  return codeReply('TURNOUT_VERSION_GONE', { version }, [], 410, {
    versions: told?.versions() ?? [],
    ...successorOf(lifecycle!),
  })
}

const successorOf = ({ links }: Lifecycle): { readonly successor?: string } =>
  links.successor === undefined ? {} : { successor: links.successor }
