// Run with --expose-gc: prints, as JSON, what was collected when.
import { setImmediate as turnOfLoop } from 'node:timers/promises'
import { evaluate, type ModuleExports } from '../../../src/modules/evaluate.ts'
import { loadedScripts, mapStack } from '../../../src/modules/source-map.ts'
import { openWorkspace, packages } from './workspace.ts'

const workspace = openWorkspace({
  ...packages,
  'kept.ts': `import { add } from 'esm-only'
import common from './common.cjs'
class Row { id = 1 }
const state = { rows: [new Row()], add, common }
await Promise.resolve()
export const later = () => import('esm-only')
export const url = import.meta.url
export default () => { state.rows.push(new Row()); return new Error('mine').stack }`,
  'common.cjs': 'module.exports = require("node:path").sep',
  'throws.ts': 'const big = new Uint8Array(1000)\nthrow new Error(`no ${big.length}`)',
  'hangs.ts': 'const big = new Uint8Array(1000)\nawait new Promise(() => {})\nexport default big',
  'dependency.ts': 'import { absent } from "esm-only"\nexport default absent',
})

let freed = 0
const load = async (name: string): Promise<ModuleExports | undefined> => {
  const file = workspace.path(name)
  const artifact = await workspace.artifact(name)
  const timeoutMs = name === 'hangs.ts' ? 5 : 5_000
  const outcome = await evaluate(artifact, { file, timeoutMs, onFreed: () => (freed += 1) })
  return outcome.ok ? outcome.exports : undefined
}

async function collect(): Promise<{ readonly freed: number; readonly maps: number }> {
  for (let round = 0; round < 10; round += 1) {
    globalThis.gc?.()
    await turnOfLoop()
  }
  return { freed, maps: loadedScripts() }
}

let handler: (() => string) | undefined
async function loadAndKeepHandler(): Promise<void> {
  const exports = await load('kept.ts')
  if (exports === undefined) throw new Error('kept.ts did not load')
  await (exports['later'] as () => Promise<unknown>)()
  handler = exports['default'] as () => string
  handler()
}

await loadAndKeepHandler()
const whileHandlerIsKept = await collect()
const mapped = mapStack(handler?.())
handler = undefined
const whenDropped = await collect()
for (const name of ['throws.ts', 'hangs.ts', 'dependency.ts']) await load(name)
const afterFailures = await collect()
console.log(JSON.stringify({ whileHandlerIsKept, mapped, whenDropped, afterFailures }))
await workspace.close()
