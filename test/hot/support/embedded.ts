import type { TestContext } from 'node:test'
import type { TurnoutEvents } from '../../../src/turnout-events.ts'
import { createTurnout, type Turnout, type TurnoutOptions } from '../../../src/turnout.ts'
import { ask, save } from './served.ts'

/** An event of a Turnout, as it came. */
export type Told = {
  readonly [Name in keyof TurnoutEvents]: {
    readonly name: Name
    readonly event: TurnoutEvents[Name]
  }
}[keyof TurnoutEvents]

/** A Turnout in this process that follows a folder and listens on a port. */
export interface Embedded {
  readonly turnout: Turnout
  readonly port: number
  readonly told: readonly Told[]
  /** The next event that is meant, from now on. */
  readonly next: (isMeant: (told: Told) => boolean) => Promise<Told>
  readonly ask: (path: string) => Promise<string>
  /** Saves files in one burst and waits for what is meant. */
  readonly saved: (
    files: Readonly<Record<string, string>>,
    isMeant: (told: Told) => boolean,
  ) => Promise<Told>
}

/** Opens it; it is closed when the test has ended. */
export async function openEmbedded(
  t: TestContext,
  folder: string,
  options: TurnoutOptions = {},
  prepare: (turnout: Turnout) => void = () => undefined,
): Promise<Embedded> {
  const turnout = createTurnout({ logger: false, ...options })
  t.after(() => turnout.close(0))
  const told: Told[] = []
  const listeners = new Set<() => void>()
  for (const name of ['applied', 'rejected', 'retired'] as const) {
    turnout.on(name, (event) => {
      told.push({ name, event } as Told)
      for (const listener of listeners) listener()
    })
  }
  prepare(turnout)
  await turnout.files(folder)
  const { port } = await turnout.listen({ port: 0 })
  const next: Embedded['next'] = (isMeant) => {
    const from = told.length
    return new Promise((resolve) => {
      const look = (): void => {
        const found = told.slice(from).find(isMeant)
        if (found === undefined) return
        listeners.delete(look)
        resolve(found)
      }
      listeners.add(look)
    })
  }
  return {
    turnout,
    port,
    told,
    next,
    ask: async (path) => {
      const { status, text } = await ask(port, path)
      return status === 200 ? text : String(status)
    },
    saved: async (files, isMeant) => {
      const came = next(isMeant)
      for (const [name, text] of Object.entries(files)) save(folder, name, text)
      return came
    },
  }
}

/** The module got this version, or any; null: it is gone. */
export const applied =
  (module: string, version?: string | null) =>
  ({ name, event }: Told): boolean =>
    name === 'applied' &&
    event.revision.changes.some(
      (one) => one.module === module && (version === undefined || one.to === version),
    )

/** The module was refused with this code. */
export const refused =
  (module: string, code: string) =>
  ({ name, event }: Told): boolean =>
    name === 'rejected' &&
    event.rejections.some(
      ({ label, problems }) => label === module && problems.some((one) => one.code === code),
    )

/** This version was disposed of. */
export const retired =
  (module: string, version: string) =>
  ({ name, event }: Told): boolean =>
    name === 'retired' && event.module === module && event.version === version
