import type { PublishAnswer } from '../../admin/answers.ts'
import type { Paint } from '../colour.ts'
import { printRows } from './print-diff.ts'

type Changes = PublishAnswer['changes']
type Rows = Parameters<typeof printRows>[0]

const versions = ({ from, to }: Changes[number]): string =>
  from === to || from === null || to === null ? (to ?? from ?? '') : `${from} → ${to}`

type Names = Pick<Changes[number], 'added' | 'changed' | 'removed'>

/** `+2 ~1 -1 routes`; empty where there are none. */
const counts = ({ added, changed, removed }: Names, noun = 'route'): string => {
  const parts = [
    ...(added.length > 0 ? [`+${added.length}`] : []),
    ...(changed.length > 0 ? [`~${changed.length}`] : []),
    ...(removed.length > 0 ? [`-${removed.length}`] : []),
  ]
  const total = added.length + changed.length + removed.length
  if (total === 0) return ''
  return `${parts.join(' ')} ${noun}${total === 1 ? '' : 's'}`
}

const rowsOf = (noun: string, { added, changed, removed }: Names): Rows => [
  ...added.map((name) => ['+', noun, name, ''] as const),
  ...changed.map((name) => ['~', noun, name, ''] as const),
  ...removed.map((name) => ['-', noun, name, ''] as const),
]

/** What became of upstreams; of those that an earlier version wrote down nobody knows more than that they changed. */
const upstreamsOf = (change: Changes[number]): Names => {
  const { upstreams, upstreamsAdded: added, upstreamsRemoved: removed } = change
  const others = new Set([...added, ...removed])
  return { added, removed, changed: upstreams.filter((name) => !others.has(name)) }
}

/** What a revision did: a line for each module, single route and upstream. */
export function printChanges(changes: Changes, paint: Paint): string {
  const rows = changes.flatMap((change): Rows => {
    const { module, from, to } = change
    const upstreams = rowsOf('upstream', upstreamsOf(change))
    if (module !== null) {
      const mark = from === null ? '+' : to === null ? '-' : '~'
      const text = [versions(change), counts(change)].filter((part) => part !== '').join('  ')
      return [[mark, 'module', module, text], ...upstreams]
    }
    return [...upstreams, ...rowsOf('route', change)]
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
      const { module, from, to } = change
      const name =
        module === null
          ? []
          : [`${from === null ? '+' : to === null ? '-' : ''}${module} ${versions(change)}`]
      const upstreams = counts(upstreamsOf(change), 'upstream')
      return [[...name, counts(change)].filter((part) => part !== '').join(' '), upstreams]
    })
    .filter((part) => part !== '')
    .join(', ')
}
