/** Sorted, disjoint ranges of code points, ends included: `[from, to, from, to, ...]`. */
export type CodeSet = readonly number[]

/** One step of a program; `next` are indexes of steps. */
export type Step =
  | { readonly kind: 'read'; readonly set: CodeSet; readonly next: number }
  | { readonly kind: 'fork'; readonly next: readonly number[] }
  | { readonly kind: 'start' | 'end'; readonly next: number }
  | { readonly kind: 'accept' }

/** A regular expression as a non-deterministic automaton. */
export interface Program {
  readonly steps: readonly Step[]
  readonly first: number
}

type Node =
  | { readonly kind: 'set'; readonly set: CodeSet }
  | { readonly kind: 'list' | 'either'; readonly parts: readonly Node[] }
  | {
      readonly kind: 'repeat'
      readonly part: Node
      readonly least: number
      readonly most: number | null
    }
  | { readonly kind: 'start' | 'end' }

const last = 0x10ffff
const maxSteps = 5_000

/** Every code point. */
export const everyCode: CodeSet = [0, last]

const digit: CodeSet = [0x30, 0x39]
const word: CodeSet = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a]
const space: CodeSet = [0x09, 0x0a, 0x0c, 0x0d, 0x20, 0x20]
const upper: CodeSet = [0x41, 0x5a]
const lower: CodeSet = [0x61, 0x7a]
const letters: CodeSet = [...upper, ...lower]
const named: Readonly<Record<string, CodeSet>> = {
  alnum: [...digit, ...letters],
  alpha: letters,
  digit,
  lower,
  upper,
  word,
  xdigit: [...digit, 0x41, 0x46, 0x61, 0x66],
}
const perl: Readonly<Record<string, CodeSet>> = { d: digit, w: word, s: space }
const control: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 }

/** The same set in its one form. */
function normal(set: readonly number[]): CodeSet {
  const ranges: [number, number][] = []
  for (let at = 0; at < set.length; at += 2) ranges.push([set[at] ?? 0, set[at + 1] ?? 0])
  ranges.sort(([left], [right]) => left - right)
  const merged: number[] = []
  for (const [from, to] of ranges) {
    const end = merged.at(-1)
    if (end !== undefined && from <= end + 1) merged[merged.length - 1] = Math.max(end, to)
    else merged.push(from, to)
  }
  return merged
}

function inverse(set: CodeSet): CodeSet {
  const out: number[] = []
  let from = 0
  for (let at = 0; at < set.length; at += 2) {
    const begin = set[at] ?? 0
    if (begin > from) out.push(from, begin - 1)
    from = (set[at + 1] ?? 0) + 1
  }
  if (from <= last) out.push(from, last)
  return out
}

/** What lies in both sets. */
export function intersection(left: CodeSet, right: CodeSet): CodeSet {
  const out: number[] = []
  let i = 0
  let j = 0
  while (i < left.length && j < right.length) {
    const from = Math.max(left[i] ?? 0, right[j] ?? 0)
    const leftEnd = left[i + 1] ?? 0
    const rightEnd = right[j + 1] ?? 0
    const to = Math.min(leftEnd, rightEnd)
    if (from <= to) out.push(from, to)
    if (leftEnd < rightEnd) i += 2
    else j += 2
  }
  return out
}

/** The set without regard to case; null where that needs more than ASCII. */
function folded(set: CodeSet): CodeSet | null {
  if (intersection(set, [0x80, last]).length > 0) return null
  const out = [...set]
  const shift = (within: CodeSet, by: number): void => {
    for (const code of intersection(set, within)) out.push(code + by)
  }
  shift(upper, 0x20)
  shift(lower, -0x20)
  const all = normal(out)
  const has = (code: number): boolean => intersection(all, [code, code]).length > 0
  // The Kelvin sign and the long s fold to ASCII letters.
  if (has(0x6b)) out.push(0x212a, 0x212a)
  if (has(0x73)) out.push(0x17f, 0x17f)
  return normal(out)
}

/**
 * The automaton of a constraint that RE2 has accepted: literals, classes, `.`, groups, alternation, repeats,
 * `^ $ \A \z`, the flags `i`, `s` and `U`.
 *
 * @returns null where the source has more: `\b`, `\B`, `\p{...}`, `\Q...\E`, octal escapes, other named
 * classes, the flag `m`, letters beyond ASCII under `i`, or repeats that come to more than 5,000 steps.
 */
export function programOf(source: string): Program | null {
  const tree = new Parser(source).parse()
  return tree === null ? null : emit(tree)
}

/** Reads a source that is known to be well-formed, so it tells only what it understands from what it does not. */
class Parser {
  readonly #chars: readonly string[]
  #at: number
  #isUnderstood: boolean
  #isFolding: boolean
  #dotAll: boolean

  constructor(source: string) {
    this.#chars = Array.from(source)
    this.#at = 0
    this.#isUnderstood = true
    this.#isFolding = false
    this.#dotAll = false
  }

  parse(): Node | null {
    const tree = this.#either()
    return this.#isUnderstood && this.#at >= this.#chars.length ? tree : null
  }

  #giveUp(): CodeSet {
    this.#isUnderstood = false
    this.#at = this.#chars.length
    return []
  }

  #has(text: string): boolean {
    for (let index = 0; index < text.length; index += 1) {
      if (this.#chars[this.#at + index] !== text[index]) return false
    }
    this.#at += text.length
    return true
  }

  #take(): string {
    const char = this.#chars[this.#at]
    this.#at += 1
    return char ?? ''
  }

  /** Flags that are set inside a group end with it. */
  #either(): Node {
    const [isFolding, dotAll] = [this.#isFolding, this.#dotAll]
    const parts = [this.#list()]
    while (this.#has('|')) parts.push(this.#list())
    this.#isFolding = isFolding
    this.#dotAll = dotAll
    return parts.length === 1 && parts[0] ? parts[0] : { kind: 'either', parts }
  }

  #list(): Node {
    const parts: Node[] = []
    for (;;) {
      const next = this.#chars[this.#at]
      if (next === undefined || next === '|' || next === ')') return { kind: 'list', parts }
      parts.push(this.#repeats(this.#atom()))
    }
  }

  #repeats(atom: Node): Node {
    let part = atom
    for (;;) {
      const counts = this.#counts()
      if (counts === null) return part
      this.#has('?')
      part = { kind: 'repeat', part, ...counts }
    }
  }

  #counts(): { readonly least: number; readonly most: number | null } | null {
    if (this.#has('*')) return { least: 0, most: null }
    if (this.#has('+')) return { least: 1, most: null }
    if (this.#has('?')) return { least: 0, most: 1 }
    const form = /^\{(\d+)(,(\d*))?\}/.exec(this.#chars.slice(this.#at, this.#at + 12).join(''))
    if (form === null) return null
    this.#at += form[0].length
    const least = Number(form[1])
    if (form[2] === undefined) return { least, most: least }
    return { least, most: form[3] === '' ? null : Number(form[3]) }
  }

  #atom(): Node {
    const char = this.#take()
    if (char === '(') return this.#group()
    if (char === '^') return { kind: 'start' }
    if (char === '$') return { kind: 'end' }
    if (char === '.') return { kind: 'set', set: this.#dotAll ? everyCode : inverse([10, 10]) }
    if (char === '[') return { kind: 'set', set: this.#class() }
    if (char !== '\\') return this.#literal(char.codePointAt(0) ?? 0)
    if (this.#has('A')) return { kind: 'start' }
    if (this.#has('z')) return { kind: 'end' }
    return this.#set(this.#escape())
  }

  #literal(code: number): Node {
    return this.#set([code, code])
  }

  #set(set: CodeSet): Node {
    return { kind: 'set', set: this.#isFolding ? this.#fold(set) : set }
  }

  #fold(set: CodeSet): CodeSet {
    return folded(set) ?? this.#giveUp()
  }

  #group(): Node {
    if (!this.#has('?')) return this.#endOfGroup()
    if (this.#has('P<') || this.#has('<')) {
      while (this.#at < this.#chars.length && this.#take() !== '>');
      return this.#endOfGroup()
    }
    const [isFolding, dotAll] = [this.#isFolding, this.#dotAll]
    let value = true
    for (let flag = this.#take(); flag !== ')' && flag !== ':'; flag = this.#take()) {
      if (flag === '-') value = false
      else if (flag === 'i') this.#isFolding = value
      else if (flag === 's') this.#dotAll = value
      else if (flag !== 'U') {
        this.#giveUp()
        break
      }
    }
    // `(?i)` goes on to the end of the group around it.
    if (this.#chars[this.#at - 1] === ')') return { kind: 'list', parts: [] }
    const node = this.#endOfGroup()
    this.#isFolding = isFolding
    this.#dotAll = dotAll
    return node
  }

  #endOfGroup(): Node {
    const node = this.#either()
    if (!this.#has(')')) this.#giveUp()
    return node
  }

  /** What follows a backslash, as a set. */
  #escape(): CodeSet {
    const char = this.#take()
    const known = perl[char.toLowerCase()]
    if (known !== undefined) return char === char.toLowerCase() ? known : inverse(known)
    const code = control[char] ?? (char === 'x' ? this.#hex() : undefined)
    if (code !== undefined) return [code, code]
    if (!/^[!-/:-@[-`{-~]$/.test(char)) return this.#giveUp()
    const own = char.charCodeAt(0)
    return [own, own]
  }

  #hex(): number | undefined {
    const text = this.#chars.slice(this.#at, this.#at + 10).join('')
    const form = /^(?:\{([\dA-Fa-f]+)\}|([\dA-Fa-f]{2}))/.exec(text)
    if (form === null) return undefined
    this.#at += form[0].length
    return Number.parseInt(form[1] ?? form[2] ?? '', 16)
  }

  #class(): CodeSet {
    const isInverse = this.#has('^')
    const set: number[] = []
    for (let isFirst = true; isFirst || !this.#has(']'); isFirst = false) {
      if (this.#at >= this.#chars.length) return this.#giveUp()
      if (this.#has('[:')) {
        const isOutside = this.#has('^')
        const name = /^(\w+):\]/.exec(this.#chars.slice(this.#at, this.#at + 10).join(''))?.[1]
        const known = named[name ?? '']
        if (name === undefined || known === undefined) return this.#giveUp()
        this.#at += name.length + 2
        set.push(...(isOutside ? inverse(known) : known))
        continue
      }
      const from = this.#member()
      const dash = this.#chars[this.#at] === '-' && this.#chars[this.#at + 1] !== ']'
      if (!dash || from.length !== 2 || from[0] !== from[1]) set.push(...from)
      else {
        this.#at += 1
        set.push(from[0] ?? 0, this.#member()[1] ?? 0)
      }
    }
    const all = normal(set)
    const whole = this.#isFolding ? this.#fold(all) : all
    return isInverse ? inverse(whole) : whole
  }

  #member(): CodeSet {
    const char = this.#take()
    if (char === '\\') return this.#escape()
    const code = char.codePointAt(0) ?? 0
    return [code, code]
  }
}

/** From the end to the beginning, so that every step knows what follows it. */
function emit(tree: Node): Program | null {
  const steps: Step[] = [{ kind: 'accept' }]
  const put = (step: Step): number => steps.push(step) - 1
  const follow = (node: Node, next: number): number => {
    if (steps.length > maxSteps) return next
    switch (node.kind) {
      case 'set':
        return put({ kind: 'read', set: node.set, next })
      case 'start':
      case 'end':
        return put({ kind: node.kind, next })
      case 'list':
        return node.parts.reduceRight((after, part) => follow(part, after), next)
      case 'either':
        return put({ kind: 'fork', next: node.parts.map((part) => follow(part, next)) })
      case 'repeat':
        return repeat(node.part, node.least, node.most, next)
      default:
        return node satisfies never
    }
  }
  const repeat = (part: Node, least: number, most: number | null, next: number): number => {
    let after = next
    if (most === null) {
      after = put({ kind: 'accept' })
      steps[after] = { kind: 'fork', next: [follow(part, after), next] }
    } else {
      for (let count = least; count < most; count += 1)
        after = put({ kind: 'fork', next: [follow(part, after), next] })
    }
    for (let count = 0; count < least; count += 1) after = follow(part, after)
    return after
  }
  const first = follow(tree, 0)
  return steps.length > maxSteps ? null : { steps, first }
}
