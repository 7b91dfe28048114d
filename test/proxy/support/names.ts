import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import type { TestContext } from 'node:test'
import type { NameService } from '../../../src/gateway/upstream/environment.ts'

/** What a server of names does with the next questions. */
export type Behaviour =
  | { readonly addresses: readonly string[]; readonly ttl: number }
  | 'no such name'
  | 'fails'
  | 'silent'
  | 'garbage'

export interface Names {
  behaviour: Behaviour
  /** When it was asked for addresses of version 4. */
  readonly asked: number[]
  readonly service: NameService
}

const codes = { 'no such name': 3, fails: 2 } as const

/** The answer to a question, in the format of RFC 1035 section 4. */
function answerTo(question: Buffer, behaviour: Behaviour): Buffer | null {
  if (behaviour === 'silent') return null
  if (behaviour === 'garbage') return Buffer.concat([question.subarray(0, 2), Buffer.alloc(5, 255)])
  const nameEnd = question.indexOf(0, 12) + 1
  const isVersion4 = question.readUInt16BE(nameEnd) === 1
  const head = Buffer.from(question.subarray(0, 12))
  const known = typeof behaviour === 'string' || !isVersion4 ? [] : behaviour.addresses
  // An answer, recursion available, and its code.
  head.writeUInt16BE(0x8180 | (typeof behaviour === 'string' ? codes[behaviour] : 0), 2)
  head.writeUInt16BE(known.length, 6)
  head.writeUInt32BE(0, 8)
  const records = known.map((address) => {
    const record = Buffer.alloc(16)
    // The name that was asked for, type A, class IN.
    record.writeUInt16BE(0xc00c, 0)
    record.writeUInt16BE(1, 2)
    record.writeUInt16BE(1, 4)
    record.writeUInt32BE(typeof behaviour === 'string' ? 0 : behaviour.ttl, 6)
    record.writeUInt16BE(4, 10)
    Buffer.from(address.split('.').map(Number)).copy(record, 12)
    return record
  })
  return Buffer.concat([head, question.subarray(12, nameEnd + 4), ...records])
}

/** Opens a server of names, and what asks it and nobody else. */
export async function openNames(t: TestContext): Promise<Names> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  t.after(() => socket.close())
  const resolver = new Resolver({ timeout: 200, tries: 1 })
  resolver.setServers([`127.0.0.1:${socket.address().port}`])
  const names: Names = {
    behaviour: 'silent',
    asked: [],
    service: {
      resolve4: (host, options) => resolver.resolve4(host, options),
      resolve6: (host, options) => resolver.resolve6(host, options),
      // The hosts file has none of these.
      lookup: (host) => Promise.reject(new Error(`getaddrinfo ENOTFOUND ${host}`)),
    },
  }
  socket.on('message', (question, { port, address }) => {
    const nameEnd = question.indexOf(0, 12) + 1
    if (question.readUInt16BE(nameEnd) === 1) names.asked.push(performance.now())
    const answer = answerTo(question, names.behaviour)
    if (answer !== null) socket.send(answer, port, address)
  })
  return names
}
