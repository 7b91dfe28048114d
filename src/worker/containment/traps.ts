import { syncBuiltinESMExports } from 'node:module'

/** Ways to end the process that code of a module may take. */
const names = ['exit', 'abort', 'reallyExit', 'kill'] as const

type Call = (...args: unknown[]) => unknown

/** A signal to this very process, or to all of its group; 0 only asks whether it is there. */
const isOwnDeath = (name: (typeof names)[number], [pid, signal]: readonly unknown[]): boolean =>
  name !== 'kill' || ((pid === process.pid || pid === 0) && signal !== 0)

/**
 * Puts itself before each way to end the process. `refuse` throws where code of a module calls; what returns from it goes on.
 * Returns what takes the traps away.
 */
export function trapExits(refuse: (call: string) => void): () => void {
  const target = process as unknown as Record<string, Call>
  const undo = names.map((name) => {
    const original = target[name]!
    const trap: Call = (...args) => {
      if (isOwnDeath(name, args)) refuse(`process.${name}`)
      return original.apply(process, args)
    }
    target[name] = trap
    return () => {
      if (target[name] === trap) target[name] = original
    }
  })
  syncBuiltinESMExports()
  return () => {
    for (const one of undo) one()
    syncBuiltinESMExports()
  }
}
