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
const space = /[ \t\n\r]*/y
const words: Readonly<Record<string, Json>> = { true: true, false: false, null: null }

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
    for (const [word, value] of Object.entries(words)) {
      if (!this.#text.startsWith(word, this.#at)) continue
      this.#at += word.length
      return value
    }
    return this.#number()
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
    const start = this.#at
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
    space.lastIndex = this.#at
    space.test(this.#text)
    this.#at = space.lastIndex
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
