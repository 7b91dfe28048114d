import { evaluate } from './evaluate.ts'
import { inspectModule } from './inspect.ts'
import type { Problem } from '../core/errors.ts'
export interface Rehearsal { rehearse(a: any, f: string, c: {name: string; mount: string}): Promise<{ok: true; result: unknown} | {ok: false; problem: Problem}>; close(): Promise<void> }
export function createRehearsal(_: unknown): Rehearsal { return { close: async () => {}, rehearse: async (a, file, c) => { const e = await evaluate(a, { file }); if (!e.ok) return e; return { ok: true, result: inspectModule(e.exports as never, c) } } } }
