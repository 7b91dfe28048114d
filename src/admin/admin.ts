import { createHash, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { TurnoutError, type ErrorCode } from '../core/errors.ts'
import { failpoint } from '../core/failpoint.ts'
import { fullBucket, takeToken } from '../core/protect/token-bucket.ts'
import { thrownError, thrownMessage } from '../core/thrown.ts'
import { anonymous, authenticate, demandScope, demandValid } from './authenticate.ts'
import type { AdminAddress, AdminContext, AdminLimits, AdminOptions } from './context.ts'
import { dispatch } from './dispatch.ts'
import { createEventRing } from './event-ring.ts'
import { createEventStreams } from './event-stream.ts'
import { allowedHosts, guardRequest } from './guard.ts'
import { createAnswers, digestRequest, type KeptAnswer } from './idempotency.ts'
import { createLockOut } from './lock-out.ts'
import { describeApi } from './openapi.ts'
import { isChange } from './operations.ts'
import { bodyOf, idempotencyKey, parsedRequest, unchanged, type Call } from './parsed-request.ts'
import { createChangeGate } from './rate-limit.ts'
import { refusal, refusalAnswer } from './refusal.ts'
import type { AdminRequest, Resource } from './resource.ts'
import { resources } from './resources.ts'
import { mayCall } from './scope.ts'
import { sendAnswer, sendStream, written } from './send.ts'

/** Serves the admin API. Open/close. */
export interface AdminHandler {
  handle(request: IncomingMessage, response: ServerResponse): void
  /** Ends the streams of events. */
  close(): void
}

const usualLimits: AdminLimits = {
  changes: { perSecond: 200, burst: 400 },
  allChanges: { perSecond: 250, burst: 250 },
  // What is let in shall be live within a second, in a process that has not warmed up, too.
  waiting: 64,
  heartbeatMs: 15_000,
}
/** Lines of the log about requests that were turned away: a flood of them must not become one of lines. */
const denialLines = { perSecond: 5, burst: 20 }

/** The admin API on what the rest of an instance gives it. `address`: where it listens, once it does. */
export function createAdmin(
  options: AdminOptions,
  address: () => AdminAddress | null,
): AdminHandler {
  const limits = { ...usualLimits, ...options.limits }
  const { control, audit, logger, tokens } = options
  const ring = createEventRing()
  const streams = createEventStreams(ring, limits.heartbeatMs)
  const denied = new Map<string, number>()
  let document: ReturnType<typeof describeApi> | null = null
  const context: AdminContext = {
    ...options,
    now: options.now ?? Date.now,
    address,
    ring,
    streams,
    denied,
    // Made when it is asked for: it is a tenth of a start.
    document: () => (document ??= describeApi(resources)),
  }
  const lockOut = createLockOut()
  const answers = createAnswers()
  const gate = createChangeGate(limits)
  const unsubscribe = options.subscribe((event) => ring.add(event))
  let lines = fullBucket(denialLines, context.now())

  let names: ReadonlySet<string> | null = null
  const hosts = (): ReadonlySet<string> =>
    (names ??= allowedHosts(address()?.host ?? null, options.hosts ?? []))

  /** From the first byte to the answer, in the order in which each step may refuse. */
  const answerTo = async (
    id: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<KeptAnswer | null> => {
    guardRequest(request, hosts())
    const found = dispatch(request.method!, request.url!)
    const isOpen = found.kind === 'operation' && resources[found.name].scope === 'none'
    const identity = isOpen
      ? anonymous(request)
      : authenticate(request, tokens, lockOut, context.now())
    if (found.kind === 'none') throw missing(request.method!, found.path, found.allowed)
    const { name, params } = found
    const resource = resources[name] as Resource
    demandScope(mayCall(identity.scopes, resource.scope), `call ${name}`)
    const call = { id, request, response, name, resource, params, identity }
    if (name === 'events' && response.socket === null) throw behindAnother()
    if (!isChange(name)) {
      const answer = await resource.handle(parsedRequest(call, context, await bodyOf(call)))
      if (answer.stream === undefined || request.method === 'HEAD')
        return written(unchanged(call, answer))
      sendStream(response, { ...answer, stream: answer.stream })
      return null
    }
    const leave = gate.enter(identity.token ?? '', context.now())
    try {
      return await changed(call)
    } finally {
      leave()
    }
  }

  const changed = async (call: Call): Promise<KeptAnswer> => {
    const { request, identity, resource } = call
    const bytes = await bodyOf(call)
    demandValid(identity, tokens, context.now())
    const parsed = parsedRequest(call, context, bytes)
    const reached = failpoint('admin.parsed')
    if (reached instanceof Promise) await reached
    const key = idempotencyKey(request, resource)
    if (key === null) return await audited(call, parsed, bytes)
    const token = identity.token ?? ''
    const digest = digestRequest(request.method!, request.url!, bytes)
    const before = answers.begin(token, key, digest, context.now())
    if (before !== null)
      return { ...before, headers: { ...before.headers, 'idempotency-replayed': 'true' } }
    try {
      const answer = await audited(call, parsed, bytes)
      answers.keep(token, key, answer)
      return answer
    } catch (error) {
      const answer = written(refusalAnswer(error))
      // What failed on our side may work when it is tried again.
      if (answer.status < 500) answers.keep(token, key, answer)
      else answers.drop(token, key)
      throw error
    }
  }

  /** Written down first, done then; what it came to is written down behind the answer. */
  const audited = async (
    call: Call,
    parsed: AdminRequest,
    bytes: Uint8Array,
  ): Promise<KeptAnswer> => {
    const { id, request, identity, resource } = call
    const beginning = failpoint('audit.beforeIntent')
    if (beginning instanceof Promise) await beginning
    await audit.write({
      kind: 'intent',
      id,
      who: identity.name,
      token: identity.token,
      from: identity.from,
      method: request.method!,
      target: request.url!.slice(0, 2_048),
      body: bytes.length === 0 ? null : createHash('sha256').update(bytes).digest('hex'),
      ...serving(),
    })
    const reached = failpoint('audit.intent')
    if (reached instanceof Promise) await reached
    try {
      const answer = written(await resource.handle(parsed))
      const headers = { 'turnout-revision': String(serving().revision), ...answer.headers }
      recordResult(id, answer.status, null)
      const answering = failpoint('admin.beforeAnswer')
      if (answering instanceof Promise) await answering
      return { ...answer, headers }
    } catch (error) {
      const { status, body } = refusalAnswer(error)
      recordResult(id, status, (body as { readonly code: string }).code)
      throw error
    }
  }

  const serving = (): { readonly revision: number; readonly digest: string } => {
    const { number, digest } = control.current.revision
    return { revision: number, digest }
  }
  const recordResult = (id: string, status: number, code: string | null): void => {
    audit
      .write({ kind: 'result', id, status, code, ...serving() })
      .catch((error: unknown) =>
        logger.error('cannot write to the audit log', { error: thrownMessage(error) }),
      )
  }

  const refuse = (id: string, request: IncomingMessage, thrown: unknown): KeptAnswer => {
    const answer = refusalAnswer(thrown)
    const { status, code } = answer.body as { readonly status: number; readonly code: ErrorCode }
    if (status >= 500) {
      const error = thrownError(thrown)
      const told = error instanceof TurnoutError && code === error.code && status !== 500
      logger[told ? 'warn' : 'error']('the admin API failed', {
        request_id: id,
        code,
        error: thrownMessage(thrown),
        stack: error?.stack,
      })
    }
    if (status === 401 || status === 403 || status === 429) {
      denied.set(code, (denied.get(code) ?? 0) + 1)
      const taken = takeToken(denialLines, lines, context.now())
      lines = taken.bucket
      if (taken.ok) {
        const { method, socket } = request
        const client = socket.remoteAddress
        logger.warn('a request to the admin API was turned away', { code, client, method })
      }
    }
    return written(answer)
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const id = randomUUID()
    try {
      const answer = await answerTo(id, request, response).catch((error: unknown) =>
        refuse(id, request, error),
      )
      if (answer === null) return
      const headers = { ...answer.headers, 'turnout-request-id': id }
      sendAnswer(request, response, { ...answer, headers })
    } catch (error) {
      logger.error('the admin API failed', { request_id: id, error: thrownMessage(error) })
      response.destroy()
    }
  }

  return {
    handle: (request, response) => {
      // A client that leaves is no error of ours.
      response.on('error', () => undefined)
      void serve(request, response)
    },
    close: () => {
      unsubscribe()
      streams.close()
    },
  }
}

/** It would be told nothing before the answer in front of it ends, and Node tells nobody when its client leaves. */
const behindAnother = (): TurnoutError =>
  new TurnoutError('TURNOUT_ADMIN_BUSY', {
    reason: 'events begin when the answer before them on the connection has ended',
  })

const missing = (method: string, path: string, allowed: readonly string[]): TurnoutError =>
  allowed.length === 0
    ? new TurnoutError('TURNOUT_RESOURCE_UNKNOWN', { path })
    : refusal(
        'TURNOUT_METHOD_NOT_ALLOWED',
        { method, path, allowed: allowed.join(', ') },
        { allow: allowed.join(', ') },
      )
