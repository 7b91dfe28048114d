/** Tokens of a JSON pointer that is left out with all below it; `*` is any one. */
export type Ignored = readonly string[]

/** Deeper values are told at the place of what they lie in. */
const maxDepth = 32

interface Pair {
  readonly left: unknown
  readonly right: unknown
  /** With `*` for indexes. */
  readonly pointer: string
  readonly depth: number
  /** What is ignored below, from the token on that comes next. */
  readonly ignored: readonly Ignored[]
}

/**
 * Tells where two values of JSON differ, each place once; undefined is told for what is missing. Goes on until `found`
 * answers false. Without recursion: a body may nest as deep as it likes.
 */
export function walkJson(
  left: unknown,
  right: unknown,
  ignored: readonly Ignored[],
  found: (pointer: string, left: unknown, right: unknown) => boolean,
): void {
  const told = new Set<string>()
  const tell = ({ pointer, left, right }: Pair): boolean => {
    if (told.has(pointer)) return true
    told.add(pointer)
    return found(pointer, left, right)
  }
  const waiting: Pair[] = [{ left, right, pointer: '', depth: 0, ignored }]
  for (let pair = waiting.pop(); pair !== undefined; pair = waiting.pop()) {
    if (pair.left === pair.right || pair.ignored.some(({ length }) => length === 0)) continue
    const inner = pairsIn(pair)
    if (inner === null) {
      if (!tell(pair)) return
      continue
    }
    // A list that is longer: its length differs, and what both have may differ too.
    if (inner.isUneven && !tell(pair)) return
    for (const one of inner.pairs.reverse()) waiting.push(one)
  }
}

/** What two lists or two objects have inside; null where they are not of one kind. */
function pairsIn(pair: Pair): { readonly pairs: Pair[]; readonly isUneven: boolean } | null {
  const { left, right } = pair
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return null
  if (Array.isArray(left) !== Array.isArray(right)) return null
  if (Array.isArray(left) && Array.isArray(right)) {
    const both = Math.min(left.length, right.length)
    const pairs = Array.from({ length: both }, (_, at) =>
      below(pair, '*', `${at}`, left[at], right[at]),
    )
    return { pairs, isUneven: left.length !== right.length }
  }
  const [one, other] = [left as Record<string, unknown>, right as Record<string, unknown>]
  const own = (object: Record<string, unknown>, key: string): unknown =>
    Object.hasOwn(object, key) ? object[key] : undefined
  const keys = new Set([...Object.keys(one), ...Object.keys(other)])
  const pairs = Array.from(keys, (key) =>
    below(pair, escaped(key), key, own(one, key), own(other, key)),
  )
  return { pairs, isUneven: false }
}

function below(
  { pointer, depth, ignored }: Pair,
  shown: string,
  token: string,
  left: unknown,
  right: unknown,
): Pair {
  return {
    left,
    right,
    pointer: depth < maxDepth ? `${pointer}/${shown}` : pointer,
    depth: depth + 1,
    ignored: ignored.flatMap(([first, ...rest]) =>
      first === '*' || first === token ? [rest] : [],
    ),
  }
}

const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')
