import { Reply } from '../reply.ts'
import type { FilterMaker } from './filter.ts'
import { fillPath } from './template.ts'

export const redirect: FilterMaker<'redirect'> = ({ status, location }) => {
  const fill = fillPath(location)
  return () => (exchange) => {
    const to = fill(exchange)
    const query = to.includes('?') ? '' : exchange.search
    return new Reply(status, ['location', to + query], '')
  }
}
