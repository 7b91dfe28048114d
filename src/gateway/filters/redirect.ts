import { codeReply } from '../problem-reply.ts'
import { Reply } from '../reply.ts'
import type { FilterMaker } from './filter.ts'
import { hasDotSegment } from './sent-path.ts'
import { fillPath } from './template.ts'

/** A location with the query of the request, which stands before a fragment, unless it has its own. */
const withQuery = (location: string, search: string): string => {
  if (location.includes('?')) return location
  const mark = location.indexOf('#')
  return mark < 0 ? location + search : location.slice(0, mark) + search + location.slice(mark)
}

/** The location without its origin, query and fragment. */
const pathOf = (location: string): string =>
  location.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '').replace(/[?#][^]*$/, '')

/** `//host/` would be a page of somebody else, `..` another part of ours. */
const leadsAway = (location: string): boolean =>
  location.startsWith('//') || hasDotSegment(pathOf(location))

/** A location with the query of the request behind its own. */
const withBoth = (location: string, search: string): string => {
  if (search.length < 2) return location
  const mark = location.indexOf('#')
  const front = mark < 0 ? location : location.slice(0, mark)
  const query = front.includes('?') ? `&${search.slice(1)}` : search
  return front + query + (mark < 0 ? '' : location.slice(mark))
}

export const redirect: FilterMaker<'redirect'> = ({ status, location, query }) => {
  const fill = fillPath(location)
  // What the author wrote without params is meant.
  const isFixed = !location.includes('{')
  return () => (exchange) => {
    const to = fill(exchange)
    if (!isFixed && leadsAway(to)) return codeReply('TURNOUT_SENT_PATH_INVALID')
    const { search } = exchange
    const there =
      query === 'drop' ? to : query === 'append' ? withBoth(to, search) : withQuery(to, search)
    return new Reply(status, ['location', there], '')
  }
}
