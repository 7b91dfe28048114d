import { mapError } from '../modules/report.ts'
import { installStackMapping } from '../modules/source-map.ts'
import { answerCall, type Message } from './calls.ts'
import { WorkerHost } from './host.ts'
import { beatMs, type WorkerCalls, type WorkerNotice } from './messages.ts'

// What a worker process runs. Its supervisor decides when it ends: a signal to the whole group is not for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
installStackMapping()

const send = (message: Message): void => {
  // Without a supervisor there is nobody to tell; `disconnect` ends the process.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}
const host = new WorkerHost(({ name, data }: WorkerNotice) => send({ kind: 'notice', name, data }))

// Where containment is on, it tells whose they were.
process.on('uncaughtException', (error) => {
  if (!host.isContained) host.log.error('an error nobody caught', mapError(error))
})
process.on('unhandledRejection', (error) => {
  if (!host.isContained) host.log.error('a rejection nobody handled', mapError(error))
})
// The port must be free for whoever comes next, and nobody would hear of a new revision here.
process.on('disconnect', () => process.exit(isClosed ? 0 : 1))
let isClosed = false
// It may have gone while this file was loaded.
if (!process.connected) process.exit(1)

const take = async (message: Message, handle: unknown): Promise<void> => {
  if (message.kind !== 'call') return
  await answerCall<WorkerCalls>(host, message, send, handle)
  if (message.name !== 'close') return
  isClosed = true
  // What was said last still goes out.
  process.disconnect()
}
process.on('message', (message: Message, handle: unknown) => void take(message, handle))
const beat = (): void => send({ kind: 'notice', name: 'beat', data: host.beat() })
setInterval(beat, beatMs)
send({ kind: 'notice', name: 'ready', data: null })
