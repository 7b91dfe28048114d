import type { IncomingMessage, ServerResponse } from 'node:http'
import { NodeTransport } from '../node-transport.ts'
import type { NodeServe } from '../node-listener.ts'
import type { Admission } from './admission.ts'

/** Answers a request that is not taken. */
export type Shed = (request: IncomingMessage, response: ServerResponse) => void

/** Takes what the admission takes, and sheds the rest. */
export function admitting(admission: Admission, serve: NodeServe, shed: Shed): NodeServe {
  const turnAway: Shed = (request, response) => {
    admission.count()
    if (admission.isLast) response.shouldKeepAlive = false
    shed(request, response)
  }

  const run: NodeServe = (request, response, next, upgrade) => {
    if (admission.isLast) response.shouldKeepAlive = false
    let done: Promise<void> | void
    admission.began()
    try {
      done = serve(request, response, next, upgrade)
    } catch (error) {
      admission.leave()
      throw error
    }
    return admission.hold(response, done)
  }

  return (request, response, next, upgrade) => {
    if (admission.tryEnter(request.url!)) return run(request, response, next, upgrade)
    const waiting = admission.wait((left) => {
      if (upgrade === undefined) new NodeTransport(request, response, 0).onClose(left)
      else upgrade.socket.once('close', left)
    })
    if (waiting === null) return turnAway(request, response)
    return waiting.then((isLetIn) => {
      if (isLetIn) return run(request, response, next, upgrade)
      if (!request.socket.destroyed) turnAway(request, response)
      return undefined
    })
  }
}
