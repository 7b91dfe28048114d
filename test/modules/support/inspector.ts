import type { ModuleExports } from '../../../src/modules/evaluate.ts'

/** Calls the default export, if it is a function, with the context. */
export const inspect = async (exports: ModuleExports, context: unknown): Promise<unknown> => {
  const main = exports['default']
  return typeof main === 'function' ? await (main as (given: unknown) => unknown)(context) : main
}
