import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isIP, type AddressInfo } from 'node:net'
import { TurnoutError } from '../core/errors.ts'

export interface HealthOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** Whether requests should be sent here. */
  readonly isReady: () => boolean
  /** What a scrape with this `Accept` is answered; null or not there: nobody is let scrape here. */
  readonly scrape?: ((accept: string) => Promise<Scraped>) | null
}

interface Scraped {
  readonly type: string
  readonly text: string
}

/** Answers `/healthz`, `/readyz`, and `/metrics` where that is wanted, and nothing else, to whoever asks. Open/close. */
export interface HealthServer {
  readonly port: number
  readonly url: string
  close(): Promise<void>
}

const maxConnections = 64
const limits = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8 * 1024,
}

/**
 * It may be open to a network, so it says yes or no; why is for those with a token. Rejects with TURNOUT_LISTEN_FAILED.
 */
export async function openHealthServer({
  host,
  port,
  isReady,
  scrape = null,
}: HealthOptions): Promise<HealthServer> {
  const server = createServer(limits, (request, response) => {
    const isScrape = scrape !== null && pathOf(request) === '/metrics' && isAsked(request)
    if (isScrape) void answerScrape(request, response, scrape)
    else answer(request, response, isReady, scrape !== null)
  })
  server.maxConnections = maxConnections
  server.timeout = 60_000
  // With a limit, Node 20 drops fields past it silently while its parser still obeys them (CVE-2026-58044).
  server.maxHeadersCount = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code ?? error.message
      reject(new TurnoutError('TURNOUT_LISTEN_FAILED', { host, port, reason }, { cause: error }))
    })
    server.listen({ host, port }, resolve)
  })
  const bound = (server.address() as AddressInfo).port
  return {
    port: bound,
    url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const pathOf = ({ url = '' }: IncomingMessage): string => url.replace(/\?.*$/s, '')

const isAsked = ({ method }: IncomingMessage): boolean => method === 'GET' || method === 'HEAD'

const answer = (
  request: IncomingMessage,
  response: ServerResponse,
  isReady: () => boolean,
  isScraped: boolean,
): void => {
  const path = pathOf(request)
  const isKnown = path === '/healthz' || path === '/readyz' || (isScraped && path === '/metrics')
  const ok = path === '/healthz' || isReady()
  const status = !isKnown ? 404 : !isAsked(request) ? 405 : ok ? 200 : 503
  const text = status === 404 || status === 405 ? '' : JSON.stringify({ ok })
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...(status === 405 && { allow: 'GET, HEAD' }),
    // Bodies are not read.
    ...(!isAsked(request) && { connection: 'close' }),
  })
  response.end(text)
}

const answerScrape = async (
  { headers }: IncomingMessage,
  response: ServerResponse,
  scrape: (accept: string) => Promise<Scraped>,
): Promise<void> => {
  const scraped = await scrape(headers.accept ?? '').catch(() => null)
  const { type, text } = scraped ?? { type: 'text/plain', text: '' }
  response.writeHead(scraped === null ? 503 : 200, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  })
  response.end(text)
}
