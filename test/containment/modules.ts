/** Code of a module that does harm in the handler of `GET /harm`; `GET /harm/ok` tells that it serves. */
const harmful = (
  body: string,
  version = '1.1.0',
): string => `import { EventEmitter } from 'node:events'
import net from 'node:net'
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const never = new Promise(() => {})
let told = ''
export default {
  version: '${version}',
  register(routes) {
    routes.get('/harm/ok', (c) => c.text('${version} ' + told))
    routes.get('/harm/slow', async (c) => { await sleep(1200); return c.text('slow') })
    routes.get('/harm', ${body})
  },
}
`

/** What a client of the offender comes to: the status; 0 where it is answered before. */
export interface Harm {
  readonly name: string
  readonly code: string
  readonly status: number
  readonly kind: string
}

/** Endless in eight ways. */
export const loops: readonly Harm[] = [
  { name: 'an empty loop', code: `(c) => { for (;;) {} }`, status: 504, kind: 'loop' },
  {
    name: 'a loop that catches everything',
    code: `(c) => { while (true) { try { Math.random() } finally { Math.random() } } }`,
    status: 504,
    kind: 'loop',
  },
  {
    name: 'a catastrophic regular expression',
    code: `(c) => c.text(String(/^(a+)+$/.test('a'.repeat(40) + 'b')))`,
    status: 504,
    kind: 'loop',
  },
  {
    name: 'microtasks without an end',
    code: `async (c) => { const again = () => Promise.resolve().then(again); await again() }`,
    status: 504,
    kind: 'loop',
  },
  {
    name: 'ticks without an end',
    code: `async (c) => { const again = () => process.nextTick(again); again(); await never }`,
    status: 504,
    kind: 'loop',
  },
  {
    name: 'a loop in a timer, after the answer',
    code: `(c) => { setTimeout(() => { for (;;) {} }, 20); return c.text('answered') }`,
    status: 200,
    kind: 'loop',
  },
  {
    name: 'a loop at the end of the turn, before the answer leaves',
    code: `(c) => { setImmediate(() => { for (;;) {} }); return c.text('answered') }`,
    status: 200,
    kind: 'loop',
  },
  {
    name: 'a loop after an await',
    code: `async (c) => { await sleep(10); for (;;) {} }`,
    status: 504,
    kind: 'loop',
  },
].map((one) => ({ ...one, code: harmful(one.code) }))

/** Errors that no caller is there to take, and ways to end the process. */
export const escapes: readonly Harm[] = [
  {
    name: 'a throw in a timer',
    code: `async (c) => { setTimeout(() => { throw new Error('late') }, 5); await never }`,
    status: 500,
    kind: 'error',
  },
  {
    name: 'a rejection that nobody handles',
    code: `async (c) => { void sleep(5).then(() => { throw new Error('alone') }); await never }`,
    status: 500,
    kind: 'rejection',
  },
  {
    name: 'an async function that nobody awaits',
    code: `(c) => { void (async () => { await sleep(5); throw new Error('unawaited') })(); return c.text('ok') }`,
    status: 200,
    kind: 'rejection',
  },
  {
    name: 'an emitter with an error and no listener',
    code: `async (c) => { setImmediate(() => new EventEmitter().emit('error', new Error('emitted'))); await never }`,
    status: 500,
    kind: 'error',
  },
  {
    name: 'process.exit',
    code: `async (c) => { await sleep(5); process.exit(3) }`,
    status: 500,
    kind: 'exit',
  },
  {
    name: 'a signal to itself',
    code: `(c) => { process.kill(process.pid, 'SIGKILL') }`,
    status: 500,
    kind: 'exit',
  },
  {
    name: 'a write after the end',
    code: `async (c) => {
      const { response } = c.exchange.transport.node()
      response.end('ended')
      response.write('more')
      await sleep(20)
      return c.text('late')
    }`,
    status: 200,
    kind: 'error',
  },
].map((one) => ({ ...one, code: harmful(one.code) }))

/** Its error is made by Node, and tells nothing of who opened it. */
export const failingSocket: Harm = {
  name: 'a socket that fails and has no listener',
  code: harmful(
    `(c) => { net.connect(1, '127.0.0.1'); return c.query('now') === '' ? c.text('ok') : never }`,
  ),
  status: 500,
  kind: 'error',
}

export const badHeader: string = harmful(`(c) => c.setHeader('x-bad', 'a\\nb').text('never')`)

/** It looks well where it is rehearsed. */
export const loopingLoad: string = harmful(`(c) => c.text('never')`).replace(
  'register(routes) {',
  `register(routes) {
    if (process.argv[1].includes('/src/supervisor/') || process.argv[1].endsWith('/cli/main.js')) for (;;) {}`,
)

/** Serves well. */
export const harmless: string = harmful(`(c) => c.text('harmless')`, '1.0.0')

export const others = `export default {
  version: '2.0.0',
  register: (routes) => void routes.get('/others', (c) => c.text('fine')),
}
`
