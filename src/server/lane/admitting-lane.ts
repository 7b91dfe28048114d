import type { Admission } from '../overload/admission.ts'
import { shedReply } from '../overload/shed-reply.ts'
import type { ServeLane } from './lane-connection.ts'
import type { LaneTransport } from './lane-transport.ts'

/** Takes what the admission takes, and sheds the rest. */
export function admittingLane(admission: Admission, serve: ServeLane): ServeLane {
  const turnAway = (transport: LaneTransport): void => {
    admission.count()
    // A body that nobody reads would cost as much as one that somebody does.
    const { status, fields, body } = shedReply(transport.body !== null)
    if (transport.body !== null) transport.isLast = true
    transport.send(status, fields, body)
  }

  const run: ServeLane = (transport) => {
    let done: Promise<void> | void
    admission.began()
    try {
      done = serve(transport)
    } catch (error) {
      admission.leave()
      throw error
    }
    return admission.hold(transport, done)
  }

  return (transport) => {
    if (admission.tryEnter(transport.target)) return run(transport)
    const waiting = admission.wait((left) => transport.onClose(left))
    if (waiting === null) return turnAway(transport)
    return waiting.then((isLetIn) => {
      if (isLetIn) return run(transport)
      if (!transport.isGone) turnAway(transport)
      return undefined
    })
  }
}
