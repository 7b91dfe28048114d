import { Shared, Sole, type Candidate, type Choice, type Placed } from '../route/choice.ts'
import type { Facts } from '../route/facts.ts'
import type { Leaf } from '../router/node.ts'
import { anyMethod, leafOfPlace, type Router } from '../router/router.ts'
import { fieldsOf, type Asking } from './asking.ts'
import { explainChoice, type ExplainedChoice } from './explain-choice.ts'
import type { Asked, Selected } from './asked.ts'
import { openVersions, select } from './select.ts'
import type { DecidedBy, RefusedVersion, Told } from './told.ts'

/**
 * One request's walk, as far as choices go: it is asked at each place that several routes share, and remembers what
 * decided. It reads a request's fields when the first choice needs them.
 */
export class Question implements Asked, Selected, Told {
  readonly facts: Facts
  readonly now: number
  /** Of the last choice. */
  candidate: Candidate | null
  by: DecidedBy
  refusal: Selected['refusal']
  /** The place whose route serves; null: a place without a choice. */
  choice: Choice | null
  vary: string | null
  readonly #router: Router<Placed>
  readonly #asking: Asking
  #labels: ReadonlyMap<string, string> | null
  /** Null: not read yet. */
  #version: { readonly text: string | undefined } | null
  #refused: 'malformed' | 'unavailable' | null
  #open: Set<string> | null

  constructor(router: Router<Placed>, facts: Facts, now: number, asking: Asking) {
    this.facts = facts
    this.now = now
    this.candidate = null
    this.by = 'order'
    this.refusal = null
    this.choice = null
    this.vary = null
    this.#router = router
    this.#asking = asking
    this.#labels = null
    this.#version = null
    this.#refused = null
    this.#open = null
  }

  labels(): ReadonlyMap<string, string> {
    this.#labels ??= this.#asking.labelsOf(this.facts, this.now)
    return this.#labels
  }

  /** Asked for by itself, or as a label. */
  version(): string | undefined {
    this.#version ??= {
      text: this.#asking.versionOf(this.facts) ?? this.labels().get('version'),
    }
    return this.#version.text
  }

  /**
   * The leaf of the route of a place that serves, or null: none does, and the walk goes on. An any-method route at the
   * same place, which the method's own routes cover, comes last.
   */
  choose(shared: Shared): Leaf<Placed> | null {
    // What is no version is answered so, whatever else would serve.
    if (this.#refused === 'malformed') return null
    const choice = shared.choiceFor(this.facts)
    if (choice instanceof Sole) {
      this.candidate = choice.candidate
      this.by = 'order'
      this.refusal = null
      this.choice = choice.choice
      return choice
    }
    if (choice !== null) {
      this.#noteFields(choice)
      select(choice, this, this)
      const { candidate, refusal } = this
      if (refusal !== null) this.#refuse(choice, refusal)
      if (candidate !== null) {
        this.choice = choice
        return candidate.leaf
      }
    }
    const { method, pattern } = shared
    if (method === anyMethod || method === 'HEAD') return null
    const covered = leafOfPlace(this.#router, anyMethod, pattern)
    return covered === null ? null : this.take(covered)
  }

  /** For a walk that asks at each leaf. */
  take(leaf: Leaf<Placed>): Leaf<Placed> | null {
    const { value } = leaf
    if (value instanceof Shared) return this.choose(value)
    this.choice = null
    return this.#refused === 'malformed' ? null : leaf
  }

  /** Versions of the place that serves. */
  versions(): readonly string[] {
    return this.choice === null ? [] : openVersions(this.choice, this)
  }

  /** Why the route serves that it last came to; null: there was nothing to choose. */
  explain(): ExplainedChoice | null {
    const { choice, candidate, by } = this
    return choice === null || candidate === null ? null : explainChoice(choice, candidate, by, this)
  }

  /** What is answered where nobody serves; null: nobody was passed over for its version alone. */
  refused(): RefusedVersion | null {
    if (this.#refused === null) return null
    return {
      kind: 'refused',
      code:
        this.#refused === 'malformed' ? 'TURNOUT_VERSION_INVALID' : 'TURNOUT_VERSION_UNAVAILABLE',
      version: this.version() ?? '',
      versions: [...(this.#open ?? [])],
      vary: this.vary ?? '',
    }
  }

  #refuse(choice: Choice, refusal: 'malformed' | 'unavailable'): void {
    this.#refused = refusal
    this.#open ??= new Set()
    for (const version of openVersions(choice, this)) this.#open.add(version)
  }

  #noteFields(choice: Choice): void {
    const vary = choice.memo(this.#asking, varyOf)
    if (vary === null || vary === this.vary) return
    this.vary = this.vary === null ? vary : joined([...this.vary.split(', '), ...vary.split(', ')])
  }
}

/** The fields that have a say at a place. */
function varyOf(choice: Choice, { versionFields, labelFields }: Asking): string | null {
  const fields = [
    ...(choice.hasVersions ? versionFields : []),
    // A label may name a version.
    ...(choice.hasVersions || choice.hasLabels ? labelFields : []),
    ...choice.candidates.flatMap(({ selection: { weight } }) => [
      ...(weight?.key?.kind === 'header' ? [weight.key.name] : []),
      ...(weight?.key?.kind === 'cookie' ? ['Cookie'] : []),
      ...fieldsOf(weight?.cohort?.predicates ?? []),
    ]),
  ]
  return fields.length === 0 ? null : joined(fields)
}

/** Each once, whatever its case. */
const joined = (fields: readonly string[]): string => {
  const known = new Map<string, string>()
  for (const field of fields) {
    const key = field.toLowerCase()
    if (!known.has(key)) known.set(key, field)
  }
  return [...known.values()].join(', ')
}
