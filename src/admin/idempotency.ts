import { createHash } from 'node:crypto'
import { TurnoutError } from '../core/errors.ts'

/** An answer that was given, as it is given again. */
export interface KeptAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string | null
}

interface Kept {
  /** Of the whole request, body included. */
  readonly digest: string
  readonly at: number
  /** Null: the first request is still running. */
  readonly answer: KeptAnswer | null
}

/**
 * Answers to requests with an `Idempotency-Key`, by token and key. In memory only: after a restart a repeated request
 * is a new one.
 */
export interface Answers {
  /**
   * What was answered to this request before, or null: it is the first, and `keep` or `drop` must follow.
   *
   * @throws TurnoutError TURNOUT_KEY_REUSED or TURNOUT_KEY_RUNNING
   */
  begin(token: string, key: string, digest: string, now: number): KeptAnswer | null
  keep(token: string, key: string, answer: KeptAnswer): void
  drop(token: string, key: string): void
}

const keptMs = 24 * 3_600_000
const maxAnswers = 10_000
const maxBytes = 64 * 1024 * 1024

/** What makes two requests the same one. */
export function digestRequest(method: string, target: string, body: Uint8Array): string {
  return createHash('sha256').update(`${method} ${target}\n`).update(body).digest('hex')
}

const sizeOf = ({ answer }: Kept): number => 500 + (answer?.text?.length ?? 0) * 2

export function createAnswers(): Answers {
  const answers = new Map<string, Kept>()
  let bytes = 0
  const nameOf = (token: string, key: string): string => `${token} ${key}`
  const forget = (name: string): void => {
    const kept = answers.get(name)
    if (kept !== undefined) bytes -= sizeOf(kept)
    answers.delete(name)
  }
  const put = (name: string, kept: Kept): void => {
    forget(name)
    answers.set(name, kept)
    bytes += sizeOf(kept)
    for (const [oldest, { answer }] of answers) {
      if (answers.size <= maxAnswers && bytes <= maxBytes) break
      // Those still running are as many as may wait, which is far fewer.
      if (answer !== null && oldest !== name) forget(oldest)
    }
  }
  return {
    begin: (token, key, digest, now) => {
      const name = nameOf(token, key)
      const kept = answers.get(name)
      if (kept !== undefined && (kept.answer === null || now - kept.at < keptMs)) {
        if (kept.digest !== digest) throw new TurnoutError('TURNOUT_KEY_REUSED', { key })
        if (kept.answer === null) throw new TurnoutError('TURNOUT_KEY_RUNNING', { key })
        return kept.answer
      }
      put(name, { digest, at: now, answer: null })
      return null
    },
    keep: (token, key, answer) => {
      const name = nameOf(token, key)
      const kept = answers.get(name)
      if (kept !== undefined) put(name, { ...kept, answer })
    },
    drop: (token, key) => forget(nameOf(token, key)),
  }
}
