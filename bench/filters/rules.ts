import { noSelection, plainRoute, type Predicate, type Route } from '../../src/core/route/route.ts'

/** What rules of one place differ by. */
export const kinds = ['host', 'header'] as const
export type RuleKind = (typeof kinds)[number]

export const rulePath = '/a'

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
export const ruleAt = (kind: RuleKind, at: number): Route => ({
  ...plainRoute('admin', `r${at}`, 'GET', rulePath, {
    kind: 'respond',
    status: 200,
    headers: { 'content-type': 'text/plain' },
    body: 'served',
  }),
  selection: { ...noSelection, predicates: [predicateAt(kind, at)] },
})
