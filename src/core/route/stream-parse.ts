import type { Json } from '../json.ts'
import { readDuration } from './duration.ts'
import { defaultStreams, type StreamPolicy } from './filter.ts'
import { fieldOf, readOneOf, refuse, type Input } from './input.ts'
import { readSaid } from './said.ts'

const policies = ['keep', 'drain', 'close'] as const
const longest = 604_800_000

/** Reads what becomes of open streams of a route that is changed. */
export function readStreams(input: Input): StreamPolicy | undefined {
  const said = readSaid(input, 'streams', {
    onChange: (field) => readOneOf(field, 'onChange', policies),
    drainMs: (field) => readDuration(field, 'drainMs', 0, longest),
  })
  if (said === undefined) return undefined
  const streams = { ...defaultStreams, ...said } as StreamPolicy
  if (streams.onChange !== 'drain' && said['drainMs'] !== undefined)
    return refuse(fieldOf(input, 'drainMs'), `only drain has a drainMs, not ${streams.onChange}`)
  return streams
}

/** The policy as `readStreams` reads it. */
export function renderStreams({ onChange, drainMs }: StreamPolicy): Json {
  return onChange === 'drain' ? { onChange, drainMs } : { onChange }
}
