import { readFileSync } from 'node:fs'
import type { Logger } from '../../core/logger.ts'
import { thrownMessage } from '../../core/thrown.ts'
import type { TlsSettings } from '../../core/route/upstream.ts'

type Pem = { ca?: string; cert?: string; key?: string }

/** The texts of the files that TLS settings name. One that cannot be read is told, and makes every handshake fail. */
export function readPem(tls: TlsSettings, log: Logger): Pem {
  const pem: Pem = {}
  for (const part of ['ca', 'cert', 'key'] as const) {
    const file = tls[part]
    if (file === null) continue
    try {
      pem[part] = readFileSync(file, 'utf8')
    } catch (error) {
      log.error('a file of an upstream cannot be read', { file, error: thrownMessage(error) })
      pem[part] = ''
    }
  }
  return pem
}
