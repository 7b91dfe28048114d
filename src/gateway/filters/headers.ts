import { withoutField } from '../../core/http/fields.ts'
import { Reply } from '../reply.ts'
import { after, before, type FilterMaker } from './filter.ts'
import { fillField } from './template.ts'

/** The one field that is not in the list and that there is once: who is asked. */
const isHost = (name: string): boolean => name.toLowerCase() === 'host'

export const setRequestHeader: FilterMaker<'set-request-header'> = ({ name, value }) => {
  const fill = fillField(value)
  const lower = name.toLowerCase()
  return before((exchange) => {
    const outbound = exchange.outbound!
    if (isHost(name)) outbound.host = fill(exchange)
    else {
      outbound.headers = withoutField(outbound.headers, lower)
      outbound.headers.push(name, fill(exchange))
    }
  })
}

export const addRequestHeader: FilterMaker<'add-request-header'> = ({ name, value }) => {
  const fill = fillField(value)
  return before((exchange) => {
    const outbound = exchange.outbound!
    if (isHost(name)) outbound.host = fill(exchange)
    else outbound.headers.push(name, fill(exchange))
  })
}

export const removeRequestHeader: FilterMaker<'remove-request-header'> = ({ name }) => {
  const lower = name.toLowerCase()
  return before(({ outbound }) => {
    if (isHost(name)) outbound!.host = null
    else outbound!.headers = withoutField(outbound!.headers, lower)
  })
}

export const preserveHost: FilterMaker<'preserve-host'> = () =>
  before(({ outbound, transport }) => {
    outbound!.host = transport.header('host') ?? null
  })

/** Answers that are data are one object for many exchanges: what is changed is a copy. */
const copied = ({ status, headers, body }: Reply): Reply => new Reply(status, [...headers], body)

export const setResponseHeader: FilterMaker<'set-response-header'> = ({ name, value }) => {
  const fill = fillField(value)
  return after((reply, exchange) => copied(reply).setHeader(name, fill(exchange)))
}

export const addResponseHeader: FilterMaker<'add-response-header'> = ({ name, value }) => {
  const fill = fillField(value)
  return after((reply, exchange) => copied(reply).appendHeader(name, fill(exchange)))
}

export const removeResponseHeader: FilterMaker<'remove-response-header'> = ({ name }) =>
  after((reply) => copied(reply).removeHeader(name))
