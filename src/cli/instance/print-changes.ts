import type { PublishAnswer } from '../../admin/answers.ts'
import type { Paint } from '../colour.ts'
import { count } from '../align.ts'
import { printRows } from './print-diff.ts'

type Changes = PublishAnswer['changes']
type Rows = Parameters<typeof printRows>[0]

const versions = ({ from, to }: Changes[number]): string =>
  from === to || from === null || to === null ? (to ?? from ?? '') : `${from} → ${to}`

/** `+2 ~1 −1 routes`; empty where there are none. */
const counts = ({ added, changed, removed }: Changes[number]): string => {
  const parts = [
    ...(added.length > 0 ? [`+${added.length}`] : []),
    ...(changed.length > 0 ? [`~${changed.length}`] : []),
    ...(removed.length > 0 ? [`-${removed.length}`] : []),
  ]
  const total = added.length + changed.length + removed.length
  if (total === 0) return ''
  return `${parts.join(' ')} ${total === 1 ? 'route' : 'routes'}`
}

/** What a revision did: a line for each module, single route and upstream. */
export function printChanges(changes: Changes, paint: Paint): string {
  const rows = changes.flatMap((change): Rows => {
    const { module, from, to, added, changed, removed, upstreams } = change
    const others = upstreams.map((name) => ['~', 'upstream', name, ''] as const)
    if (module !== null) {
      const mark = from === null ? '+' : to === null ? '-' : '~'
      const text = [versions(change), counts(change)].filter((part) => part !== '').join('  ')
      return [[mark, 'module', module, text], ...others]
    }
    return [
      ...others,
      ...added.map((id) => ['+', 'route', id, ''] as const),
      ...changed.map((id) => ['~', 'route', id, ''] as const),
      ...removed.map((id) => ['-', 'route', id, ''] as const),
    ]
  })
  return printRows(rows, paint)
}

/** What became of a change: the revision that serves it, and what it did. */
export function printPublished(
  { revision, isChanged, changes }: PublishAnswer,
  paint: Paint,
  text = 'published',
): string {
  if (!isChanged) return `nothing to change; revision ${revision} serves it\n`
  const number = paint('bold', `revision ${revision}`)
  return `${paint('green', '✓')} ${number} ${text}\n${printChanges(changes, paint)}`
}

/** The changes on one line, for a row of the history. */
export function changesLine(changes: Changes): string {
  return changes
    .flatMap((change) => {
      const { module, from, to, upstreams } = change
      const name =
        module === null
          ? []
          : [`${from === null ? '+' : to === null ? '-' : ''}${module} ${versions(change)}`]
      const other = upstreams.length === 0 ? [] : [count(upstreams.length, 'upstream')]
      return [[...name, counts(change)].filter((part) => part !== '').join(' '), ...other]
    })
    .filter((part) => part !== '')
    .join(', ')
}
