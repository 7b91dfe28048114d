import { noSelection, plainRoute, type Predicate, type Route } from '../../src/core/route/route.ts'

/** What rules of one place differ by. */
export const kinds = ['host', 'header'] as const
export type RuleKind = (typeof kinds)[number]

/** What serves: the gateway itself, or an upstream behind it, as in `[{ host, backend }]`. */
export interface RuleTarget {
  readonly path: string
  readonly target: Route['target']
}

export const ownAnswer: RuleTarget = {
  path: '/a',
  target: {
    kind: 'respond',
    status: 200,
    headers: { 'content-type': 'text/plain' },
    body: 'served',
  },
}

export const rulePath: string = ownAnswer.path

/** The field by which a request comes to a rule: its name in lower case, and its value. */
export const fieldAt = (kind: RuleKind, at: number): readonly [name: string, value: string] =>
  kind === 'host' ? ['host', `h${at}.test`] : ['x-a', `${at}`]

const predicateAt = (kind: RuleKind, at: number): Predicate => {
  const [name, value] = fieldAt(kind, at)
  return kind === 'host'
    ? { kind, patterns: [value] }
    : { kind, name, equals: value, matches: null }
}

/** They all answer the same, so that a client can count bytes. */
export const ruleAt = (
  kind: RuleKind,
  at: number,
  { path, target }: RuleTarget = ownAnswer,
): Route => ({
  // As each rule of a source has its own.
  ...plainRoute('admin', `r${at}`, 'GET', path, { ...target }),
  selection: { ...noSelection, predicates: [predicateAt(kind, at)] },
})
