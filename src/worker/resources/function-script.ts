import { Session } from 'node:inspector'

const place = Symbol.for('turnout.functions')

interface Property {
  readonly name: string
  readonly value?: { readonly objectId?: string; readonly value?: unknown }
}

interface Answers {
  readonly result?: unknown
  readonly internalProperties?: readonly Property[]
}

/** Where a function stands; line and column count from 1. */
export interface FunctionPlace {
  /** A number that holds for this process. */
  readonly script: string
  readonly line: number
  readonly column: number
}

interface Location {
  readonly scriptId: string
  readonly lineNumber: number
  readonly columnNumber: number
}

/**
 * Where functions stand, and in which of the scripts that may have the same text; null: it cannot be told. It asks V8's
 * inspector from within: nothing listens, nothing is paused.
 */
export function placesOf(functions: readonly unknown[]): readonly (FunctionPlace | null)[] {
  if (functions.length === 0) return []
  const session = new Session()
  const shared = globalThis as unknown as Record<symbol, unknown>
  try {
    session.connect()
    Object.defineProperty(shared, place, { value: functions, configurable: true })
    const list = ask(session, 'Runtime.evaluate', {
      expression: `globalThis[Symbol.for(${JSON.stringify(place.description)})]`,
      objectGroup: 'turnout',
    }).result as { readonly objectId?: string } | undefined
    const { result } = ask(session, 'Runtime.getProperties', {
      objectId: list?.objectId,
      ownProperties: true,
    })
    const found = new Map((result as readonly Property[]).map(({ name, value }) => [name, value]))
    return functions.map((_, at) => {
      const objectId = found.get(String(at))?.objectId
      if (objectId === undefined) return null
      const known = ask(session, 'Runtime.getProperties', { objectId, ownProperties: true })
      const location = known.internalProperties?.find(({ name }) => name === '[[FunctionLocation]]')
      return placeOf(location?.value?.value as Location | undefined)
    })
  } catch {
    return functions.map(() => null)
  } finally {
    delete shared[place]
    session.disconnect()
  }
}

const placeOf = (location: Location | undefined): FunctionPlace | null => {
  if (location === undefined) return null
  const { scriptId: script, lineNumber, columnNumber } = location
  return { script, line: lineNumber + 1, column: columnNumber + 1 }
}

/** In this thread an answer comes before `post` returns. */
function ask(session: Session, method: string, parameters: object): Answers {
  let answer: Answers = {}
  session.post(method, parameters, (error: Error | null, result?: object) => {
    if (error === null) answer = result as Answers
  })
  return answer
}
