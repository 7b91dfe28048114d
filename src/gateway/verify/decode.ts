import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import type { Answer } from '../../core/rollout/compare.ts'
import { fieldValue } from '../../core/http/fields.ts'

const decoders: Readonly<
  Record<string, (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>>
> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
}

/** The same without content coding, whose bytes may differ where nothing else does. What cannot be decoded stays. */
export async function decoded(answer: Answer, maxOutputLength: number): Promise<Answer> {
  const coding = fieldValue(answer.headers, 'content-encoding')?.trim().toLowerCase() ?? ''
  const decode = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined
  if (decode === undefined || answer.body.length === 0) return answer
  try {
    return { ...answer, body: await decode(answer.body, { maxOutputLength }) }
  } catch {
    return answer
  }
}
