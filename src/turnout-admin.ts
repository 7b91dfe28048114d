import type { AdminOptions } from './admin/context.ts'
import type { AdminEvent } from './admin/event-ring.ts'
import { openAudit } from './admin/audit.ts'
import { openFirstToken, type FirstToken } from './admin/first-token.ts'
import { rolloutItem } from './admin/rollout-item.ts'
import { openAdminServer, type AdminListenOptions, type AdminServer } from './admin/server.ts'
import { openTokens } from './admin/tokens.ts'
import type { Logger } from './core/logger.ts'
import type { Json } from './core/json.ts'
import type { Rate } from './core/protect/token-bucket.ts'
import type { Publisher } from './control/publisher.ts'
import type { TurnoutEmitter } from './turnout-events.ts'

export interface AdminWiring {
  readonly publisher: Publisher
  readonly events: TurnoutEmitter
  readonly log: Logger
  /** Folder of the tokens and of the audit log. */
  readonly directory: string
  readonly hosts?: readonly string[]
  /** Changes of all tokens together. */
  readonly changesPerSecond?: number
  readonly token: string | undefined
}

/** What the API asks the instance for, beside the control floor. */
export type InstanceFacts = Pick<
  AdminOptions,
  | 'probe'
  | 'status'
  | 'readiness'
  | 'moduleFacts'
  | 'upstreamNames'
  | 'upstreamStatus'
  | 'forceBreaker'
  | 'workers'
  | 'restart'
  | 'loadUpload'
  | 'besideItem'
  | 'rollouts'
  | 'scrape'
>

/** The admin API of an instance, and the token that opens it. */
export interface OpenedAdmin extends AdminServer {
  readonly firstToken: FirstToken
}

/**
 * Opens the admin API in front of a publisher. Rejects with TURNOUT_ADMIN_EXPOSED, TURNOUT_LISTEN_FAILED,
 * TURNOUT_ADMIN_TOKEN_INVALID, TURNOUT_TOKENS_FAILED or TURNOUT_AUDIT_FAILED.
 */
export async function openAdmin(
  { publisher, events, log, directory, hosts, token, changesPerSecond }: AdminWiring,
  facts: InstanceFacts,
  listen: AdminListenOptions,
): Promise<OpenedAdmin> {
  const firstToken = await openFirstToken(directory, token)
  const tokens = await openTokens(directory, firstToken.token)
  const { number, digest } = publisher.current.revision
  const serving = { revision: number, digest }
  const audit = await openAudit(directory, serving, { logger: log, now: Date.now })
  try {
    const server = await openAdminServer(
      {
        control: publisher,
        tokens,
        audit,
        logger: log,
        subscribe: (listener) => subscribe(events, listener),
        ...(hosts === undefined ? {} : { hosts }),
        ...(changesPerSecond === undefined
          ? {}
          : { limits: { allChanges: rateOf(changesPerSecond) } }),
        ...facts,
      },
      listen,
    )
    return {
      ...server,
      firstToken,
      close: async (deadlineMs) => {
        await server.close(deadlineMs)
        await audit.close()
      },
    }
  } catch (error) {
    await audit.close()
    throw error
  }
}

const rateOf = (perSecond: number): Rate => ({ perSecond, burst: perSecond })

function subscribe(events: TurnoutEmitter, listener: (event: AdminEvent) => void): () => void {
  const tell = (name: string, data: unknown): void => listener({ name, data: data as Json })
  const ends = [
    events.on('applied', ({ revision, durationMs }) =>
      tell('applied', {
        revision: revision.number,
        author: revision.author,
        reason: revision.reason,
        digest: revision.digest,
        changes: revision.changes,
        durationMs,
      }),
    ),
    events.on('rejected', ({ author, reason, rejections }) =>
      tell('rejected', {
        author,
        reason,
        rejections: rejections.map(({ owner, serving, problems }) => ({
          owner,
          serving,
          problems: problems.map(({ code, message }) => ({ code, detail: message })),
        })),
      }),
    ),
    events.on('retired', (version) => tell('retired', version)),
    events.on('upstream', (event) => tell('upstream', event)),
    events.on('source', ({ owner, problem, status }) =>
      tell('source', {
        owner,
        problem: problem && { code: problem.code, detail: problem.message },
        status,
      }),
    ),
    events.on('rollout', (view) => tell('rollout', rolloutItem(view))),
    events.on('worker', (event) => tell('worker', event)),
    events.on('probation', (verdict) => tell('probation', verdict)),
    events.on('offence', (offence) => tell('offence', offence)),
    events.on('resource', (event) => tell('resource', event)),
    events.on('leak', (leak) => tell('leak', leak)),
  ]
  return () => {
    for (const end of ends) end()
  }
}
