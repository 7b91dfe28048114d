import type { Candidate, Choice } from '../route/choice.ts'
import type { Asked, Selected } from './asked.ts'
import { byWeight, weightOf } from './by-weight.ts'
import type { VersionRequest } from './request.ts'

/**
 * Which route of a place serves a request. Predicates must hold; then, in this order: the version that was asked for, the
 * highest that it selects; the labels that were asked for, who has most of them; weights; the highest release. Routes
 * without a version come last. What answers 410 only does so where nothing else serves.
 *
 *     holding ── asked? ──> live match > gone match > baseline ──> labels, order, weight
 *        │          └──────────────────── none: unversioned ──┐
 *        └── not asked: labels? ──> weights? > highest release > unversioned ──> order, weight
 */
export function select(choice: Choice, asked: Asked, out: Selected): void {
  out.candidate = null
  out.by = 'order'
  out.refusal = null
  const { facts, now } = asked
  const holding = choice.hasConditions
    ? choice.candidates.filter(({ condition }) => condition === null || condition(facts, now))
    : choice.candidates
  const text = choice.hasVersions ? asked.version() : undefined
  if (text !== undefined && holding.some(isVersioned)) {
    const request = choice.versions.request(text)
    if (request.isValid) selectVersion(choice, holding, request, asked, out)
    else out.refusal = 'malformed'
    return
  }
  if (!choice.hasEnds) selectUnasked(choice, holding, asked, out)
  else {
    const hasWinner = selectUnasked(choice, holding.filter(isLive(now)), asked, out)
    if (!hasWinner) selectUnasked(choice, holding.filter(isEnded(now)), asked, out)
  }
}

const isVersioned = ({ rank }: Candidate): boolean => rank >= 0
const isUnversioned = ({ rank }: Candidate): boolean => rank < 0

const isLive =
  (now: number) =>
  ({ goneAt }: Candidate): boolean =>
    now < goneAt

const isEnded =
  (now: number) =>
  ({ goneAt }: Candidate): boolean =>
    now >= goneAt

function selectVersion(
  choice: Choice,
  holding: readonly Candidate[],
  request: VersionRequest,
  asked: Asked,
  out: Selected,
): void {
  const able = holding.filter(
    (one) => isVersioned(one) && isReached(one, one.rank === request.exact, choice, asked),
  )
  const live = choice.hasEnds ? able.filter(isLive(asked.now)) : able
  const found = ofHighest(live, request) ?? ofHighest(able, request)
  const taken = found ?? ofBaseline(live, request)
  if (taken !== null) {
    out.by = found === null ? 'baseline' : 'version'
    narrow(choice, taken, asked, out)
    return
  }
  out.by = 'unversioned'
  const others = holding.filter(isUnversioned)
  const hasWinner = selectUnasked(
    choice,
    choice.hasEnds ? others.filter(isLive(asked.now)) : others,
    asked,
    out,
  )
  if (hasWinner) return
  if (choice.hasEnds && selectUnasked(choice, others.filter(isEnded(asked.now)), asked, out)) return
  // What nobody may ask for is not told of either.
  if (able.length > 0) out.refusal = 'unavailable'
}

/** Those of the highest version that a request selects. They keep their order. */
function ofHighest(
  able: readonly Candidate[],
  request: VersionRequest,
): readonly Candidate[] | null {
  let best = -1
  for (const { rank } of able)
    if (request.selects[rank] === true && (best < 0 || rank < best)) best = rank
  return best < 0 ? null : able.filter(({ rank }) => rank === best)
}

function ofBaseline(
  able: readonly Candidate[],
  request: VersionRequest,
): readonly Candidate[] | null {
  for (const best of request.baselines) {
    const found = able.filter(({ rank, selection }) => rank === best && selection.isBaseline)
    if (found.length > 0) return found
  }
  return null
}

/**
 * Whether a request for versions reaches a route at all: one with labels and no weight only with those labels, one with
 * no weight left only by its labels or its very version.
 */
function isReached(one: Candidate, isExact: boolean, choice: Choice, asked: Asked): boolean {
  if (!choice.hasLabels && !choice.hasShares) return true
  if (one.labels.length > 0) {
    if (hasLabels(one, asked.labels())) return true
    if (one.share === null) return false
  }
  return one.share === null || isExact || weightOf(one, asked) > 0
}

/** Routes of one version, or of several that were asked for by their labels: labels, order, weight. */
function narrow(choice: Choice, taken: readonly Candidate[], asked: Asked, out: Selected): void {
  const labelled =
    choice.hasLabels && taken.length > 1 ? withMostLabels(taken, asked.labels()) : null
  share(labelled ?? taken, null, asked, out)
}

/** Whether somebody serves, or is said to: a side that is not here. */
function selectUnasked(
  choice: Choice,
  able: readonly Candidate[],
  asked: Asked,
  out: Selected,
): boolean {
  if (able.length === 0) return false
  if (choice.hasLabels) {
    const labelled = withMostLabels(able, asked.labels())
    if (labelled !== null) {
      out.by = 'labels'
      return byVersion(choice, labelled, true, asked, out)
    }
  }
  const open =
    choice.hasLabels || choice.hasShares ? able.filter((one) => isOpen(one, asked)) : able
  return open.length > 0 && byVersion(choice, open, false, asked, out)
}

/** Whether a route serves those who ask for nothing. */
const isOpen = (one: Candidate, asked: Asked): boolean =>
  one.share === null ? one.labels.length === 0 : weightOf(one, asked) > 0

/** Weights, else the highest version, else those of none. */
function byVersion(
  choice: Choice,
  open: readonly Candidate[],
  isAsked: boolean,
  asked: Asked,
  out: Selected,
): boolean {
  const absent = isAsked ? null : asked
  if (choice.isOneGroup && !isAsked) return byWeight(open, absent, asked, out)
  if (!choice.hasVersions || !open.some(isVersioned)) return share(open, absent, asked, out)
  // What is open to who did not ask has a weight left.
  const weighted = choice.hasShares
    ? open.filter((one) => one.share !== null && (!isAsked || weightOf(one, asked) > 0))
    : none
  const leading = highestOf(choice, weighted, true)
  if (leading !== null) {
    const { order } = leading.selection
    const { group } = leading.share!
    const rivals = weighted.filter(
      ({ share, selection }) => share!.group === group && selection.order === order,
    )
    return byWeight(rivals, absent, asked, out)
  }
  const highest = highestOf(choice, open, isAsked)
  if (highest === null) {
    if (!isAsked) out.by = 'unversioned'
    return share(open.filter(isUnversioned), absent, asked, out)
  }
  if (!isAsked) out.by = 'highest'
  return share(
    open.filter(({ rank }) => rank === highest.rank),
    absent,
    asked,
    out,
  )
}

const none: readonly Candidate[] = []

/** The first of the highest release; where there is none, and `withPre` says so, of the highest pre-release. */
function highestOf(choice: Choice, able: readonly Candidate[], withPre: boolean): Candidate | null {
  let best: Candidate | null = null
  let isBestRelease = false
  for (const one of able) {
    if (one.rank < 0) continue
    const isRelease = choice.versions.isRelease[one.rank]!
    if (!isRelease && !withPre) continue
    const isBetter =
      best === null || (isRelease === isBestRelease ? one.rank < best.rank : isRelease)
    if (!isBetter) continue
    best = one
    isBestRelease = isRelease
  }
  return best
}

/** The first, or by weight one of its group. */
function share(
  able: readonly Candidate[],
  absent: Asked | null,
  asked: Asked,
  out: Selected,
): boolean {
  const first = able[0]
  if (first === undefined) return false
  if (first.share === null) {
    out.candidate = first
    return true
  }
  const { order } = first.selection
  const { group } = first.share
  const rivals =
    able.length === 1
      ? able
      : able.filter(({ share, selection }) => share?.group === group && selection.order === order)
  return byWeight(rivals, absent, asked, out)
}

const hasLabels = ({ labels }: Candidate, asked: ReadonlyMap<string, string>): boolean =>
  labels.every(([name, value]) => asked.get(name) === value)

/** Those all of whose labels were asked for, and of these who has most; null: nobody has any. */
function withMostLabels(
  able: readonly Candidate[],
  asked: ReadonlyMap<string, string>,
): readonly Candidate[] | null {
  if (asked.size === 0) return null
  let most = 0
  for (const one of able)
    if (one.labels.length > most && hasLabels(one, asked)) most = one.labels.length
  return most === 0
    ? null
    : able.filter((one) => one.labels.length === most && hasLabels(one, asked))
}

/** The versions that anybody may ask for by a range: what is told to who asked in vain. */
export function openVersions(choice: Choice, asked: Asked): readonly string[] {
  const { facts, now } = asked
  const open = choice.candidates.filter(
    (one) =>
      isVersioned(one) &&
      now < one.goneAt &&
      (one.condition === null || one.condition(facts, now)) &&
      isReached(one, false, choice, asked),
  )
  const ranks = new Set(open.map(({ rank }) => rank))
  return choice.versions.versions.filter((_, rank) => ranks.has(rank))
}
