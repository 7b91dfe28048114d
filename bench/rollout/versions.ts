import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A version of the module `users`. */
const version = (text: string, body: string): string => `let asked = 0
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
export default {
  version: '${text}',
  register(routes) {
    routes.get('/users', async (c) => {
      asked += 1
      ${body}
      return c.json({ users: [7] })
    })
  },
}
`

/** Fails every other request. */
const failsHalf = `if (asked % 2 === 0) return c.status(500).text('failed')`
/** Takes so long, a quarter more or less. */
const takes = (ms: number): string => `await sleep(${ms} * (0.75 + 0.5 * Math.random()))`

export const versions: Readonly<Record<'good' | 'bad' | 'steady' | 'slower', string>> = {
  good: version('1.3.0', ''),
  bad: version('2.0.0', failsHalf),
  steady: version('1.3.0', takes(50)),
  /** All times are 15 % longer, and so is the 95th percentile. */
  slower: version('2.0.0', takes(57.5)),
}

/** As careful editors do: beside it first, then in its place in one step. */
export function save(folder: string, name: string, text: string): void {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  const beside = join(dirname(path), '.saving')
  writeFileSync(beside, text)
  renameSync(beside, path)
}
