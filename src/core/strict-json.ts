import type { Json } from './json.ts'

/** A JSON text's value, or the first thing that is wrong with it; lines and columns count from 1. */
export type StrictJson =
  | { readonly ok: true; readonly value: Json }
  | {
      readonly ok: false
      readonly reason: string
      readonly line: number
      readonly column: number
    }

class Refused extends Error {
  readonly at: number

  constructor(reason: string, at: number) {
    super(reason)
    this.at = at
  }
}

/** Names that reach a prototype where somebody copies keys one by one. */
const refusedKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const words: Readonly<Record<string, readonly [word: string, value: Json]>> = {
  t: ['true', true],
  f: ['false', false],
  n: ['null', null],
}
/** V8 copies a part of a text up to this length; a longer one would keep the whole text alive. */
const mostCopied = 12

/**
 * Parses JSON and refuses what `JSON.parse` lets through without a word: a key that stands twice (one of the two would
 * be ignored), keys that reach a prototype, numbers that are not finite, halves of surrogate pairs, any depth.
 */
export function parseStrictJson(text: string, maxDepth: number): StrictJson {
  const reader = new Reader(text, maxDepth)
  try {
    return { ok: true, value: reader.whole() }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    const before = text.slice(0, error.at).split('\n')
    const column = before.at(-1)!.length + 1
    return { ok: false, reason: error.message, line: before.length, column }
  }
}

/** Recursion is bounded by `maxDepth`, time by the text. */
class Reader {
  readonly #text: string
  readonly #maxDepth: number
  #at: number

  constructor(text: string, maxDepth: number) {
    this.#text = text
    this.#maxDepth = maxDepth
    this.#at = 0
  }

  whole(): Json {
    const value = this.#value(0)
    if (this.#peek() !== '') this.#refuse(`expected the end, found ${this.#shown()}`)
    return value
  }

  #value(depth: number): Json {
    const first = this.#peek()
    if (first === '"') return this.#string()
    if (first === '{' || first === '[') {
      if (depth >= this.#maxDepth) this.#refuse(`more than ${this.#maxDepth} levels deep`)
      this.#at += 1
      return first === '{' ? this.#object(depth + 1) : this.#list(depth + 1)
    }
    const word = words[first]
    if (word === undefined || !this.#text.startsWith(word[0], this.#at)) return this.#number()
    this.#at += word[0].length
    return word[1]
  }

  #object(depth: number): Json {
    const object: Record<string, Json> = {}
    if (this.#took('}')) return object
    do {
      if (this.#peek() !== '"') this.#refuse(`expected a key, found ${this.#shown()}`)
      const at = this.#at
      const key = this.#string()
      if (refusedKeys.has(key)) throw new Refused(`the key "${key}" is refused`, at)
      if (Object.hasOwn(object, key)) throw new Refused(`the key "${key}" stands twice`, at)
      this.#expect(':')
      object[key] = this.#value(depth)
    } while (this.#took(','))
    this.#expect('}')
    return object
  }

  #list(depth: number): Json {
    const list: Json[] = []
    if (this.#took(']')) return list
    do list.push(this.#value(depth))
    while (this.#took(','))
    this.#expect(']')
    return list
  }

  #string(): string {
    const text = this.#text
    const start = this.#at
    let end = start + 1
    while (end < text.length && isPlain(text.charCodeAt(end))) end += 1
    if (text[end] !== '"') return this.#oddString(start)
    this.#at = end + 1
    if (end - start - 1 <= mostCopied) return text.slice(start + 1, end)
    return JSON.parse(text.slice(start, end + 1)) as string
  }

  /** With escapes, or with what may not stand there. */
  #oddString(start: number): string {
    let end = start + 1
    while (end < this.#text.length && this.#text[end] !== '"')
      end += this.#text[end] === '\\' ? 2 : 1
    if (end >= this.#text.length) this.#refuse('a string without its end')
    let value: string
    try {
      value = JSON.parse(this.#text.slice(start, end + 1)) as string
    } catch {
      return this.#refuse('a string with a bad escape or a control character')
    }
    if (/\p{Surrogate}/u.test(value)) this.#refuse('a string with half of a surrogate pair')
    this.#at = end + 1
    return value
  }

  #number(): number {
    number.lastIndex = this.#at
    const found = number.exec(this.#text)?.[0]
    if (found === undefined) return this.#refuse(`expected a value, found ${this.#shown()}`)
    const value = Number(found)
    if (!Number.isFinite(value)) this.#refuse(`the number ${found.slice(0, 20)} is too large`)
    this.#at += found.length
    return value
  }

  /** The next character that is not space; empty at the end. */
  #peek(): string {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at += 1
    return this.#text[this.#at] ?? ''
  }

  #took(character: string): boolean {
    if (this.#peek() !== character) return false
    this.#at += 1
    return true
  }

  #expect(character: string): void {
    if (!this.#took(character)) this.#refuse(`expected ${character}, found ${this.#shown()}`)
  }

  #shown(): string {
    return this.#at >= this.#text.length ? 'the end' : JSON.stringify(this.#text[this.#at])
  }

  #refuse(reason: string): never {
    throw new Refused(reason, this.#at)
  }
}

const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9

/** Neither the end of a string, nor an escape, nor a control character, nor half of a pair. */
const isPlain = (code: number): boolean =>
  code >= 32 && code !== 34 && code !== 92 && (code & 0xf800) !== 0xd800
