import { fieldValue, withoutField } from '../../core/http/fields.ts'
import { after, before, copied, type FilterMaker } from './filter.ts'
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

export const addMissingRequestHeaders: FilterMaker<'add-missing-request-headers'> = ({
  headers,
}) => {
  const added = headers.map(({ name, value }) => ({ name, fill: fillField(value) }))
  return before((exchange) => {
    const outbound = exchange.outbound!
    const given = outbound.headers
    const missing = added.filter(({ name }) => fieldValue(given, name) === undefined)
    if (missing.length === 0) return
    outbound.headers = [...given, ...missing.flatMap(({ name, fill }) => [name, fill(exchange)])]
  })
}

export const mapRequestHeader: FilterMaker<'map-request-header'> = ({ from, to }) =>
  before(({ outbound, transport }) => {
    const { headers } = outbound!
    const host = from === 'host' ? transport.header('host') : undefined
    const values = host === undefined ? valuesOf(headers, from) : [host]
    for (const value of values) headers.push(to, value)
  })

export const setHost: FilterMaker<'set-host'> = ({ host }) =>
  before(({ outbound }) => {
    outbound!.host = host
  })

/** A field that is there and says nothing counts as missing. */
export const addMissingResponseHeader: FilterMaker<'add-missing-response-header'> = ({
  name,
  value,
}) => {
  const fill = fillField(value)
  const lower = name.toLowerCase()
  return after((reply, exchange) =>
    valuesOf(reply.headers, lower).some((one) => one.trim() !== '')
      ? reply
      : copied(reply).appendHeader(name, fill(exchange)),
  )
}

/** Of a flat list; the name in lower case. */
export function valuesOf(headers: readonly string[], lower: string): readonly string[] {
  const values: string[] = []
  for (let at = 0; at < headers.length; at += 2)
    if (headers[at]!.length === lower.length && headers[at]!.toLowerCase() === lower)
      values.push(headers[at + 1]!)
  return values
}
