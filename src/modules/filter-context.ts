import { TurnoutError } from '../core/errors.ts'
import { withoutField } from '../core/http/fields.ts'
import { fieldValueReason, requestFieldReason } from '../core/route/message-field.ts'
import type { Body } from './body.ts'
import { Context } from './context.ts'

/** What a filter is given: the request as the client sent it, and how it is changed on its way to the target. */
export class FilterContext extends Context {
  /** The body goes on to the target as it comes: a filter cannot have it. */
  override get body(): Body {
    throw new TurnoutError('TURNOUT_FILTER_BODY')
  }

  override get request(): Request {
    throw new TurnoutError('TURNOUT_FILTER_BODY')
  }

  /** Sets a header of the request that is sent on, in place of what is there. */
  setRequestHeader(name: string, value: string): this {
    const reason = requestFieldReason(name) ?? fieldValueReason(name, value)
    if (reason !== null) throw new TurnoutError('TURNOUT_REQUEST_UNSENDABLE', { reason })
    this.removeRequestHeader(name)
    this.exchange.outbound!.headers.push(name, value)
    return this
  }

  /** Takes a header out of the request that is sent on. */
  removeRequestHeader(name: string): this {
    const reason = requestFieldReason(name)
    if (reason !== null) throw new TurnoutError('TURNOUT_REQUEST_UNSENDABLE', { reason })
    const outbound = this.exchange.outbound!
    outbound.headers = withoutField(outbound.headers, name.toLowerCase())
    return this
  }
}
