import { withoutParameter, withParameter, withParameterOnce } from '../../core/http/query.ts'
import { before, type FilterMaker } from './filter.ts'
import { fillText } from './template.ts'

export const addParameter: FilterMaker<'add-query-parameter'> = ({ name, value }) => {
  const fill = fillText(value)
  return before((exchange) => {
    const outbound = exchange.outbound!
    outbound.search = withParameter(outbound.search, name, fill(exchange))
  })
}

export const removeParameter: FilterMaker<'remove-query-parameter'> = ({ name }) =>
  before(({ outbound }) => {
    outbound!.search = withoutParameter(outbound!.search, name)
  })

export const rewriteParameter: FilterMaker<'rewrite-query-parameter'> = ({ name, replacement }) => {
  const fill = fillText(replacement)
  return before((exchange) => {
    const outbound = exchange.outbound!
    outbound.search = withParameterOnce(outbound.search, name, fill(exchange))
  })
}
