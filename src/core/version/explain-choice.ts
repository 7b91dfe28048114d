import type { Candidate, Choice } from '../route/choice.ts'
import type { Asked } from './asked.ts'
import { weightOf } from './by-weight.ts'
import type { DecidedBy } from './told.ts'

/** A route of the place that could have served, and why it did not. */
export interface PassedCandidate {
  readonly id: string
  readonly version: string | null
  readonly because: string
}

/** Why one of several routes of a place serves; plain data. */
export interface ExplainedChoice {
  readonly by: DecidedBy
  /** The version that was asked for, as it was asked for. */
  readonly version: string | null
  readonly labels: Readonly<Record<string, string>>
  readonly passedOver: readonly PassedCandidate[]
}

/** Explains a choice that was made, for people. */
export function explainChoice(
  choice: Choice,
  chosen: Candidate,
  by: DecidedBy,
  asked: Asked,
): ExplainedChoice {
  const version = choice.hasVersions ? (asked.version() ?? null) : null
  return {
    by,
    version,
    labels: Object.fromEntries(asked.labels()),
    passedOver: choice.candidates
      .filter((one) => one !== chosen)
      .map((one) => ({
        id: one.route.id,
        version: one.selection.version,
        because: reasonOf(choice, one, chosen, by, asked),
      })),
  }
}

function reasonOf(
  choice: Choice,
  one: Candidate,
  chosen: Candidate,
  by: DecidedBy,
  asked: Asked,
): string {
  const { facts, now } = asked
  const { labels, share, selection, route } = one
  if (one.condition !== null && !one.condition(facts, now)) return 'its predicates do not hold'
  if (now >= one.goneAt && now < chosen.goneAt)
    return route.lifecycle?.state === 'retired' ? 'it is retired' : 'its sunset date has passed'
  const isNamed = labels.every(([name, value]) => asked.labels().get(name) === value)
  const text = choice.hasVersions ? asked.version() : undefined
  if (text !== undefined && one.rank !== chosen.rank) {
    if (one.rank < 0) return 'it has no version, and another has the one that was asked for'
    const isSelected = choice.versions.request(text).selects[one.rank] === true
    if (!isSelected && by !== 'baseline') return 'another version was asked for'
    if (one.rank > chosen.rank) return 'a higher version was asked for too'
  }
  if (labels.length > 0 && !isNamed && share === null) return 'its labels were not asked for'
  if (isIsolated(one, asked)) return 'its weight is 0, and neither it nor its labels were asked for'
  if (by === 'labels' && (labels.length < chosen.labels.length || !isNamed))
    return 'more labels of another were asked for'
  if (selection.order > chosen.selection.order) return 'its order comes later'
  if (by === 'weight')
    return share === null ? 'others have weights' : 'the client is on another side'
  if (one.rank !== chosen.rank) {
    if (one.rank < 0) return 'another has a version'
    return choice.versions.isRelease[one.rank] === true
      ? 'another version is higher'
      : 'it is a pre-release, and was not asked for'
  }
  return 'another asks for more'
}

const isIsolated = (one: Candidate, asked: Asked): boolean =>
  one.share !== null && weightOf(one, asked) <= 0
