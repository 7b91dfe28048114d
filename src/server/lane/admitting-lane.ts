import type { Serve } from '../../gateway/gateway.ts'
import type { Admission } from '../overload/admission.ts'
import { shedReply } from '../overload/shed-reply.ts'
import type { ServeLane } from './lane-connection.ts'
import type { LaneTransport } from './lane-transport.ts'

/** Takes all. */
export const serving =
  (serve: Serve): ServeLane =>
  (transport) => {
    let done: Promise<void> | void
    try {
      done = serve(transport)
    } catch {
      return transport.ended(true)
    }
    if (done === undefined) return transport.ended(false)
    done.then(
      () => transport.ended(false),
      () => transport.ended(true),
    )
  }

/** Takes what the admission takes, and sheds the rest. */
export function admittingLane(admission: Admission, serve: Serve): ServeLane {
  const turnAway = (transport: LaneTransport): void => {
    admission.count()
    // A body that nobody reads would cost as much as one that somebody does.
    const { status, fields, body } = shedReply(transport.body !== null)
    if (transport.body !== null) transport.isLast = true
    transport.send(status, fields, body)
    transport.ended(false)
  }

  const run: ServeLane = (transport) => {
    let done: Promise<void> | void
    admission.began()
    try {
      done = serve(transport)
    } catch {
      admission.leave()
      return transport.ended(true)
    }
    if (done === undefined) {
      admission.leave()
      return transport.ended(false)
    }
    const place = admission.keep(transport)
    const over = (isFailed: boolean): void => {
      admission.release(place)
      transport.ended(isFailed)
    }
    // One more promise behind this one would cost as much as all of the above.
    done.then(
      () => over(false),
      () => over(true),
    )
  }

  return (transport) => {
    if (admission.tryEnter(transport.target)) return run(transport)
    const waiting = admission.wait((left) => transport.onClose(left))
    if (waiting === null) return turnAway(transport)
    void waiting.then((isLetIn) => {
      if (isLetIn) return run(transport)
      if (transport.isGone) return transport.ended(false)
      return turnAway(transport)
    })
  }
}
