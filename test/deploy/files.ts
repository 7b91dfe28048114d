import { readFileSync, readdirSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import { root } from '../docs/root.ts'

export const read = (name: string): string => readFileSync(new URL(name, root), 'utf8')

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into files, and fail there if they are wrong
type Yaml = any

/** The documents of a YAML file; throws at what is wrong in it, and at a key that is there twice. */
export function readYaml(name: string): readonly Yaml[] {
  return parseAllDocuments(read(name), { strict: true, uniqueKeys: true }).map((document) => {
    const [error] = [...document.errors, ...document.warnings]
    if (error !== undefined) throw error
    return document.toJS()
  })
}

export const manifests: readonly string[] = readdirSync(new URL('deploy/kubernetes', root))
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => `deploy/kubernetes/${name}`)

/** The one object of a kind, with this name. */
export function manifest(kind: string, name: string = 'turnout'): Yaml {
  const found = manifests
    .flatMap(readYaml)
    .filter((one) => one.kind === kind && one.metadata.name === name)
  if (found.length !== 1) throw new Error(`${found.length} ${kind} ${name}`)
  return found[0]
}

export interface Instruction {
  readonly name: string
  readonly text: string
}

/** A Dockerfile's instructions: continued lines are one, comments are none. */
export function instructionsOf(text: string): readonly Instruction[] {
  return text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? []
      return { name: name.toUpperCase(), text: rest }
    })
}

/** The words of an instruction in its exec form: any other would put a shell between us and signals. */
export function wordsOf(instructions: readonly Instruction[], name: string): readonly string[] {
  const text = instructions.findLast((one) => one.name === name)?.text ?? ''
  return JSON.parse(name === 'HEALTHCHECK' ? text.replace(/^.*?CMD /, '') : text) as string[]
}

/** Settings of a unit; one that is there twice is a list of lines. */
export function unitOf(text: string): Readonly<Record<string, string>> {
  const lines = text.split('\n').filter((line) => /^\w+=/.test(line))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

/** MiB of `512m`, `512M`, `512Mi` or `1Gi`. */
export function mebibytes(text: string): number {
  const [, digits, unit = ''] = /^(\d+)([mMgG])i?$/.exec(text) ?? []
  if (digits === undefined) throw new Error(`${text} is no size`)
  return Number(digits) * (unit.toLowerCase() === 'g' ? 1024 : 1)
}

/** Seconds of `45s` or `45`. */
export const seconds = (text: string | number): number => Number(String(text).replace(/s$/, ''))
