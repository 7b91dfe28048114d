import { codeReply } from '../../gateway/problem-reply.ts'

/** What a request is answered that a worker turns away. */
export interface ShedReply {
  readonly status: number
  readonly fields: string[]
  readonly body: string
}

const make = (seconds: number, isLast: boolean): ShedReply => {
  const close = isLast ? ['connection', 'close'] : []
  const { status, headers, body } = codeReply('TURNOUT_OVERLOADED', {}, [
    'retry-after',
    String(seconds),
    ...close,
  ])
  return { status, fields: headers, body: body as string }
}

/** Made before: who sheds has no time. Clients that come again at different times are no wave. */
const seconds = [1, 2, 3]
const kept = seconds.map((after) => make(after, false))
const last = seconds.map((after) => make(after, true))

export const shedReply = (isLast: boolean): ShedReply =>
  (isLast ? last : kept)[Math.floor(Math.random() * seconds.length)]!
