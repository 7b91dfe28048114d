import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Api from '@opentelemetry/api'
import { TurnoutError } from '../core/errors.ts'
import { formatTraceparent, randomFlag, sampledFlag } from '../core/http/trace-context.ts'
import { thrownError, thrownMessage } from '../core/thrown.ts'
import type { Exchange } from '../gateway/exchange.ts'
import type { Reply } from '../gateway/reply.ts'
import type { Handler } from '../gateway/snapshot.ts'
import { withoutTrace } from '../gateway/trace/trace-fields.ts'
import { newSpanId } from '../gateway/trace/trace-ids.ts'
import type { AttemptSpan, Span, Tracer } from '../gateway/trace/tracer.ts'
import type { TracingSettings } from '../core/tracing-settings.ts'

type OpenTelemetry = typeof Api

/** What is kept of an exchange while it is under way. */
interface Followed extends Span {
  attempts: number
  /** Its own span's id. */
  readonly spanId: string
  /** Null: nothing is recorded. */
  readonly span: Api.Span | null
  /** Null: nobody records. What runs inside has it as its active one. */
  context: Api.Context | null
}

/** Methods that are names of spans; of others there would be no end. */
const known: ReadonlySet<string> = new Set(
  'GET HEAD POST PUT DELETE PATCH OPTIONS CONNECT TRACE QUERY'.split(' '),
)

const longestFlushMs = 2_000

/** From the place of this package, then from where the SDK is set up, then from where the program runs. */
function loadApi({ setup }: TracingSettings): OpenTelemetry {
  const places = [import.meta.url, setup ?? '', resolve('package.json')]
  let reason = ''
  for (const place of places) {
    if (place === '') continue
    try {
      return createRequire(place)('@opentelemetry/api') as OpenTelemetry
    } catch (error) {
      reason = thrownMessage(error).split('\n')[0]!
    }
  }
  throw new TurnoutError('TURNOUT_TRACING_MISSING', { reason })
}

const settingsOf = (option: true | TracingSettings): TracingSettings =>
  option === true ? {} : option

/** Imports what sets up the SDK. Rejects with TURNOUT_TRACING_SETUP. */
export async function setUpTracing(option: boolean | TracingSettings | undefined): Promise<void> {
  if (typeof option !== 'object' || option.setup === undefined) return
  const file = resolve(option.setup)
  try {
    await import(pathToFileURL(file).href)
  } catch (error) {
    const reason = thrownMessage(error)
    throw new TurnoutError('TURNOUT_TRACING_SETUP', { file, reason }, { cause: error })
  }
}

/** Null: nothing is followed. @throws TurnoutError TURNOUT_TRACING_MISSING */
export function openTracer(option: boolean | TracingSettings | undefined): Tracer | null {
  if (option === undefined || option === false) return null
  const settings = settingsOf(option)
  const api = settings.export === false ? null : loadApi(settings)
  return new Traces(settings.sample ?? 1, api)
}

class Traces implements Tracer {
  readonly #share: number
  readonly #api: OpenTelemetry | null
  readonly #tracer: Api.Tracer | null

  constructor(share: number, api: OpenTelemetry | null) {
    this.#share = share
    this.#api = api
    this.#tracer = api?.trace.getTracer('turnout') ?? null
  }

  observer: Tracer['observer'] = (observer) => ({
    isTiming: true,
    began: (exchange, route) => {
      this.#begin(exchange)
      observer.began(exchange, route)
    },
    ended: (exchange) => {
      observer.ended(exchange)
      // One without a route was answered at once.
      if (exchange.span === null) this.#begin(exchange)
      this.#end(exchange)
    },
  })

  #begin(exchange: Exchange): void {
    const trace = exchange.trace
    const isNew = trace.parentId === null
    const isSampled = isNew ? this.#isChosen() : (trace.flags & sampledFlag) !== 0
    const parent = this.#parentOf(exchange)
    const span = isSampled && parent !== null ? this.#serverSpan(exchange, parent) : null
    const made = span?.spanContext()
    const isReal = made !== undefined && !/^0+$/.test(made.spanId)
    const spanId = isReal ? made.spanId : newSpanId()
    const flags = isReal ? made.traceFlags : isSampled && span === null ? sampledFlag : 0
    exchange.trace = {
      ...trace,
      traceId: isReal ? made.traceId : trace.traceId,
      flags: (flags & sampledFlag) | (isNew ? randomFlag : trace.flags & randomFlag),
    }
    const followed: Followed = {
      attempts: 0,
      spanId,
      span: isReal ? span : null,
      context: this.#contextOf(exchange, parent, isReal ? span : null, spanId),
    }
    exchange.span = followed
  }

  #isChosen(): boolean {
    return this.#share >= 1 || Math.random() < this.#share
  }

  #parentOf({ trace }: Exchange): Api.Context | null {
    const api = this.#api
    if (api === null) return null
    const { traceId, parentId, flags, state } = trace
    if (parentId === null) return api.ROOT_CONTEXT
    return api.trace.setSpanContext(api.ROOT_CONTEXT, {
      traceId,
      spanId: parentId,
      traceFlags: flags,
      isRemote: true,
      ...(state === '' ? {} : { traceState: api.createTraceState(state) }),
    })
  }

  /** What is not recorded is known as that to whoever looks for the active span: it begins no trace of its own. */
  #contextOf(
    { trace: { traceId, flags } }: Exchange,
    parent: Api.Context | null,
    span: Api.Span | null,
    spanId: string,
  ): Api.Context | null {
    const api = this.#api
    if (api === null || parent === null) return null
    if (span !== null) return api.trace.setSpan(parent, span)
    return api.trace.setSpanContext(parent, { traceId, spanId, traceFlags: flags & sampledFlag })
  }

  #serverSpan(exchange: Exchange, parent: Api.Context): Api.Span {
    const { method, transport, startedAt, path, pattern, route, snapshot } = exchange
    const [scheme = '', authority = ''] = transport.origin().split('://')
    const name = nameOf(method)
    const version =
      route?.target.kind === 'module' ? snapshot.versions.get(route.target.module) : undefined
    return this.#tracer!.startSpan(
      pattern === '' ? name : `${name} ${pattern}`,
      {
        kind: this.#api!.SpanKind.SERVER,
        startTime: performance.timeOrigin + (startedAt === 0 ? performance.now() : startedAt),
        attributes: present({
          ...methodAttributes(method),
          'url.scheme': scheme,
          'url.path': path,
          'http.route': pattern === '' ? undefined : pattern,
          ...serverAttributes(authority, scheme),
          'client.address': transport.clientAddress(),
          'network.peer.address': transport.remoteAddress(),
          'user_agent.original': transport.header('user-agent'),
          'turnout.route_id': route?.id,
          'turnout.revision': snapshot.revision,
          'turnout.module': version?.name,
          'turnout.module_version': version?.version,
        }),
      },
      parent,
    )
  }

  #end(exchange: Exchange): void {
    const { span } = exchange.span as Followed
    if (span === null) return
    const { status, fault, abortReason, failure } = exchange
    if (status > 0) span.setAttribute('http.response.status_code', status)
    const worst = Math.max(status, fault)
    const type = abortReason === null ? (failure ?? (worst >= 500 ? String(worst) : null)) : 'cut'
    if (type !== null) span.setAttribute('error.type', type)
    // A client that leaves is no error of ours.
    const hasFailed = worst >= 500 || abortReason !== null
    if (hasFailed && failure !== 'TURNOUT_CLIENT_LEFT') this.#fail(span, abortReason ?? undefined)
    span.end()
  }

  handlers: Tracer['handlers'] = (find) => (exchange, route) => {
    const handler = find(exchange, route)
    const { kind } = route.target
    return kind === 'module' || kind === 'closure'
      ? (one) => this.#inside(one, 'handler', handler)
      : (one) => this.#within(one, handler)
  }

  filter(kind: string, handler: Handler): Handler {
    return (exchange) => this.#inside(exchange, `filter ${kind}`, handler)
  }

  #within(exchange: Exchange, handler: Handler): Reply | Promise<Reply> {
    const context = (exchange.span as Followed | null)?.context ?? null
    if (context === null) return handler(exchange)
    return this.#api!.context.with(context, handler, undefined, exchange)
  }

  /** Runs it in a span of its own. */
  #inside(exchange: Exchange, name: string, handler: Handler): Reply | Promise<Reply> {
    const followed = exchange.span as Followed | null
    if (followed === null || followed.span === null) return this.#within(exchange, handler)
    const around = followed.context!
    const span = this.#tracer!.startSpan(name, {}, around)
    followed.context = this.#api!.trace.setSpan(around, span)
    const ended = <Value>(value: Value): Value => {
      followed.context = around
      span.end()
      return value
    }
    const failed = (error: unknown): never => {
      followed.context = around
      const thrown = thrownError(error)
      if (thrown !== null) span.recordException(thrown)
      this.#fail(span, thrownMessage(error))
      span.end()
      throw error
    }
    let reply: Reply | Promise<Reply>
    try {
      reply = this.#within(exchange, handler)
    } catch (error) {
      return failed(error)
    }
    return reply instanceof Promise ? reply.then(ended, failed) : ended(reply)
  }

  attempt: Tracer['attempt'] = (exchange, to, headers) => {
    const fields = withoutTrace(headers)
    const followed = exchange.span as Followed | null
    // A copy is no part of the exchange: whoever records would see its work twice.
    if (followed === null) return { headers: fields, note: nothing, end: nothing }
    followed.attempts += 1
    const span = followed.span === null ? null : this.#clientSpan(exchange, followed, to)
    const { traceId, flags, state } = exchange.trace
    const parentId = span?.spanContext().spanId ?? newSpanId()
    fields.push('traceparent', formatTraceparent({ traceId, parentId, flags }))
    if (state !== '') fields.push('tracestate', state)
    return span === null
      ? { headers: fields, note: nothing, end: nothing }
      : this.#ending(span, fields)
  }

  #clientSpan(
    { method }: Exchange,
    { attempts, context }: Followed,
    { upstream, url, target }: Parameters<Tracer['attempt']>[1],
  ): Api.Span {
    const at = url.indexOf('://')
    const [authority = ''] = url.slice(at + 3).split('/')
    const scheme = url.slice(0, at)
    const [path = ''] = target.split('?')
    const isUnix = url.startsWith('unix:')
    return this.#tracer!.startSpan(
      nameOf(method),
      {
        kind: this.#api!.SpanKind.CLIENT,
        attributes: present({
          ...methodAttributes(method),
          ...(isUnix ? {} : { 'url.full': `${scheme}://${authority}${path}` }),
          ...(isUnix ? {} : serverAttributes(authority, scheme)),
          'http.request.resend_count': attempts > 1 ? attempts - 1 : undefined,
          'turnout.upstream': upstream,
        }),
      },
      context!,
    )
  }

  #ending(span: Api.Span, headers: readonly string[]): AttemptSpan {
    let hasEnded = false
    return {
      headers,
      note: (status, failure) => {
        if (hasEnded) return
        if (status !== null) span.setAttribute('http.response.status_code', status)
        const type = failure ?? (status !== null && status >= 400 ? String(status) : null)
        if (type === null) return
        span.setAttribute('error.type', type)
        this.#fail(span, undefined)
      },
      end: () => {
        if (hasEnded) return
        hasEnded = true
        span.end()
      },
    }
  }

  #fail(span: Api.Span, message: string | undefined): void {
    const code = this.#api!.SpanStatusCode.ERROR
    span.setStatus(message === undefined ? { code } : { code, message })
  }

  async close(): Promise<void> {
    const provider = this.#api?.trace.getTracerProvider() as
      | {
          getDelegate?: () => { forceFlush?: () => Promise<void> } | undefined
          forceFlush?: () => Promise<void>
        }
      | undefined
    const real = provider?.getDelegate?.() ?? provider
    if (real?.forceFlush === undefined) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((done) => {
      timer = setTimeout(done, longestFlushMs)
    })
    await Promise.race([real.forceFlush().catch(nothing), late])
    clearTimeout(timer)
  }
}

const nothing = (): void => undefined

const nameOf = (method: string): string => (known.has(method) ? method : 'HTTP')

const methodAttributes = (method: string): Readonly<Record<string, string>> =>
  known.has(method)
    ? { 'http.request.method': method }
    : { 'http.request.method': '_OTHER', 'http.request.method_original': method }

const serverAttributes = (authority: string, scheme: string): Record<string, string | number> => {
  const [, host = authority, port] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? []
  return {
    'server.address': host.replace(/^\[(.*)\]$/, '$1'),
    'server.port': port === undefined ? (scheme === 'https' ? 443 : 80) : Number(port),
  }
}

const present = (
  attributes: Readonly<Record<string, string | number | undefined>>,
): Record<string, string | number> =>
  Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, string | number] => {
      const [, value] = entry
      return value !== undefined
    }),
  )
