import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const answerOn = (socket: Socket): ServerResponse | null =>
  (socket as { readonly _httpMessage?: ServerResponse | null })._httpMessage ?? null

/** Whether an answer is under way on the connection, as `node:http` sees it. */
export const isAnswering = (socket: Socket): boolean => answerOn(socket) !== null

/**
 * Goes on when the answer that is under way is out, unless the connection has ended. Node tells of a request for another
 * protocol as soon as it has read it, whatever is before it, and no longer tells what is before it that the client reads on.
 */
export function afterAnswers(socket: Socket, goOn: () => void): void {
  const onDrain = (): void => void answerOn(socket)?.emit('drain')
  const onError = (): void => undefined
  socket.on('drain', onDrain)
  socket.on('error', onError)
  answerOn(socket)!.once('close', () => {
    socket.off('drain', onDrain)
    if (socket.destroyed || !socket.writable) return
    socket.off('error', onError)
    goOn()
  })
}
