import { parsePattern } from '../core/router/pattern.ts'
import { canonicalPath } from '../core/router/path.ts'

/** What a token may do. `admin` may do everything; no other scope implies another one. */
export type Scope =
  | { readonly kind: 'read' | 'deploy' | 'rollback' | 'admin' }
  /** Objects of one owner. */
  | { readonly kind: 'owner'; readonly owner: string }
  /** Routes all of whose paths lie under a prefix, at a segment boundary. */
  | { readonly kind: 'path'; readonly prefix: string }

/** What an operation asks for before it looks at what it is about. */
export type Needed = 'none' | 'read' | 'write' | 'deploy' | 'rollback' | 'change' | 'admin'

/** Reads `read`, `write:admin`, `write:/api`, `deploy`, `rollback` or `admin`; a sentence where it is none. */
export function parseScope(text: string): Scope | string {
  if (text === 'read' || text === 'deploy' || text === 'rollback' || text === 'admin')
    return { kind: text }
  const [, subject] = /^write:([^\s]{1,512})$/.exec(text) ?? []
  if (subject === undefined)
    return 'expected read, write:OWNER, write:/PATH, deploy, rollback or admin'
  if (!subject.startsWith('/')) return { kind: 'owner', owner: subject }
  const { path } = canonicalPath(subject)
  if (path === null || /[?:*]/.test(subject)) return `${subject} is not a path without params`
  // Who reads the scope must see what it allows.
  if (path !== subject) return `${subject} is another spelling of ${path}`
  return { kind: 'path', prefix: path.replace(/\/$/, '') }
}

/** Whether a token may call an operation at all. */
export function mayCall(scopes: readonly Scope[], needed: Needed): boolean {
  if (needed === 'none' || isAdmin(scopes)) return true
  return scopes.some(({ kind }) => {
    const isWrite = kind === 'owner' || kind === 'path'
    if (needed === 'change') return isWrite || kind === 'deploy' || kind === 'rollback'
    return needed === 'write' ? isWrite : kind === needed
  })
}

/** Whether a token may put, remove or switch a route as it is or will be. */
export function mayWriteRoute(
  scopes: readonly Scope[],
  { owner, paths }: { readonly owner: string; readonly paths: readonly string[] },
): boolean {
  if (mayWriteOwner(scopes, owner)) return true
  return paths.length > 0 && paths.every((path) => scopes.some((scope) => covers(scope, path)))
}

/** Whether a token may write anything of an owner: what has no path, an upstream, needs this. */
export function mayWriteOwner(scopes: readonly Scope[], owner: string): boolean {
  return isAdmin(scopes) || scopes.some((scope) => scope.kind === 'owner' && scope.owner === owner)
}

const isAdmin = (scopes: readonly Scope[]): boolean => scopes.some(({ kind }) => kind === 'admin')

/** The canonical text in front of the first param is what must lie under the prefix: `/api/:id` does, `/:any` does not. */
const covers = (scope: Scope, path: string): boolean => {
  if (scope.kind !== 'path') return false
  const { pattern } = parsePattern(path)
  if (pattern === null) return false
  const head = pattern.runs[0] ?? ''
  return (
    head.startsWith(`${scope.prefix}/`) || (head === scope.prefix && pattern.edges.length === 0)
  )
}
