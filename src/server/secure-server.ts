import type { Server, ServerOptions } from 'node:http'
import type { Logger } from '../core/logger.ts'
import { Certificate, type CertificateFiles, type Pair } from './certificate.ts'

/** A server of https, not bound yet, and the certificate that it follows. */
export interface Secure {
  readonly server: Server
  readonly certificate: Certificate
}

/** Rejects with TURNOUT_TLS_FILES or TURNOUT_TLS_INVALID. Connections that are open when a certificate is replaced live on. */
export async function openSecure(
  files: CertificateFiles,
  options: ServerOptions,
  log: Logger,
): Promise<Secure> {
  // Most listeners have none, and it is not small.
  const { createServer } = await import('node:https')
  let renew: (pair: Pair) => void = () => undefined
  const { certificate, pair } = await Certificate.open(files, {
    onPair: (next) => {
      renew(next)
      log.info('the certificate was replaced', { file: files.cert })
    },
    onProblem: ({ code, message }) => log.error(message, { code }),
  })
  const { headersTimeout = 10_000 } = options
  const server = createServer({ ...options, ...pair, handshakeTimeout: headersTimeout })
  renew = (next) => server.setSecureContext(next)
  return { server: server as unknown as Server, certificate }
}
