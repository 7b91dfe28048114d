import type { TestContext } from 'node:test'
import { createTurnout, type Turnout, type TurnoutOptions } from '../../src/turnout.ts'

/** A Turnout without a log that is closed when the test ends. */
export function embed(t: TestContext, options: TurnoutOptions = {}): Turnout {
  const turnout = createTurnout({ logger: false, ...options })
  t.after(() => turnout.close(1_000))
  return turnout
}

/** The same behind a socket of its own. */
export async function serve(
  t: TestContext,
  options: TurnoutOptions = {},
): Promise<{ turnout: Turnout; url: string }> {
  const turnout = embed(t, options)
  const { url } = await turnout.listen({ port: 0 })
  return { turnout, url }
}

/** Asks a Turnout without a socket. */
export async function ask(
  turnout: Turnout,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await turnout.fetch(new Request(`http://test${path}`, init))
  return { status: response.status, text: await response.text(), headers: response.headers }
}

/** Status and text in one string: what most tables compare. */
export async function told(
  turnout: Turnout,
  path: string,
  init: RequestInit = {},
): Promise<string> {
  const { status, text } = await ask(turnout, path, init)
  return status === 200 ? text : `${status} ${text}`.trim()
}

/** The code of a problem in an answer. */
export function codeOf(text: string): string {
  return (JSON.parse(text) as { code: string }).code
}
