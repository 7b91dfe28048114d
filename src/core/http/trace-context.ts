/** Where a request stands in its trace (W3C Trace Context). */
export interface TraceParent {
  readonly traceId: string
  /** The span that asked. */
  readonly parentId: string
  readonly flags: number
}

/** Somebody before us records this trace. */
export const sampledFlag = 1
/** The right half of the trace id is random (level 2). */
export const randomFlag = 2

const shape = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/
const zeroTrace = '0'.repeat(32)
const zeroParent = '0'.repeat(16)

/** Null: it is malformed, and a trace begins here. Later versions may have more after what is known. */
export function parseTraceparent(text: string): TraceParent | null {
  const [, version, traceId, parentId, flags, more] = shape.exec(text) ?? []
  if (version === undefined || version === 'ff') return null
  if (version === '00' && more !== undefined) return null
  if (traceId === zeroTrace || parentId === zeroParent) return null
  // Flags of later versions are none of ours.
  const known = Number.parseInt(flags!, 16) & (sampledFlag | randomFlag)
  return { traceId: traceId!, parentId: parentId!, flags: known }
}

export const formatTraceparent = ({ traceId, parentId, flags }: TraceParent): string =>
  `00-${traceId}-${parentId}-${flags.toString(16).padStart(2, '0')}`

const mostMembers = 32
const mostCharacters = 512
const longMember = 128
const keyShape = /^[\da-z][\da-z_\-*/@]{0,255}$/
const valueShape = /^[ -+\--<>-~]{0,255}[!-+\--<>-~]$/

/**
 * What other systems say of a trace, as it may go on: empty members and repeats of a key left out (the first one, which is
 * the newest, stays), within 512 characters, where long members go first, then the last. Empty: there is none, or
 * it is malformed as a whole.
 */
export function repairTracestate(text: string): string {
  const members = new Map<string, string>()
  let count = 0
  // What is that long is nobody's tracestate, and is not worth to be taken apart.
  if (text.length > 32 * mostCharacters) return ''
  for (const part of text.split(',')) {
    const member = part.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '')
    if (member === '') continue
    count += 1
    if (count > mostMembers) return ''
    const at = member.indexOf('=')
    const key = member.slice(0, Math.max(0, at))
    if (!keyShape.test(key) || !valueShape.test(member.slice(at + 1))) return ''
    if (!members.has(key)) members.set(key, member)
  }
  return shortened([...members.values()]).join(',')
}

const lengthOf = (members: readonly string[]): number =>
  members.reduce((sum, member) => sum + member.length + 1, -1)

function shortened(members: readonly string[]): readonly string[] {
  if (lengthOf(members) <= mostCharacters) return members
  const left = [...members]
  for (let at = left.length - 1; at >= 0 && lengthOf(left) > mostCharacters; at -= 1)
    if (left[at]!.length > longMember) left.splice(at, 1)
  while (lengthOf(left) > mostCharacters) left.pop()
  return left
}

/** The same side for a trace in every process that asks: its share of all traces is `share`. */
export const isInShare = (traceId: string, share: number): boolean =>
  share >= 1 || Number.parseInt(traceId.slice(24), 16) < share * 0x1_0000_0000
