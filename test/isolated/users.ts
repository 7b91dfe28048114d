import type { Opened } from './support.ts'

export interface Written {
  readonly version?: string
  readonly isolation?: 'inline' | 'isolated'
  readonly state?: string
  readonly rest?: string
  readonly memoryMb?: number
}

/** A module that counts, and does whatever it is asked for. */
export const users = ({
  version = '1.0.0',
  isolation = 'isolated',
  state = 'create: () => ({ seen: 0 })',
  rest = '',
  memoryMb,
}: Written = {}): string => `
import { existsSync } from 'node:fs'
export default {
  name: 'users',
  version: '${version}',
  isolation: '${isolation}',
  ${memoryMb === undefined ? '' : `memoryMb: ${memoryMb},`}
  state: { ${state} },
  register(routes, { state, services, onDispose, log }) {
    const kept = []
    routes.get('/version', (c) => c.text('${version}'))
    routes.get('/pid', (c) => c.text(String(process.pid)))
    routes.get('/count', (c) => c.text(String(++state.seen)))
    routes.get('/state', (c) => c.json(state))
    routes.get('/loop', () => { for (;;); })
    routes.get('/exit', () => process.exit(3))
    routes.get('/slow', async (c) => {
      await new Promise((go) => setTimeout(go, Number(c.query('ms'))))
      return c.text('${version}')
    })
    routes.get('/late', async (c) => {
      while (!existsSync(c.query('until'))) await new Promise((go) => setTimeout(go, 10))
      state.seen += 100
      return c.text('${version}')
    })
    routes.get('/keep', (c) => {
      for (let at = 0; at < Number(c.query('mb')); at += 1) kept.push(Buffer.alloc(1024 * 1024, 1))
      return c.text('kept')
    })
    ${rest}
  },
}
`
/** Another one, that nothing happens to. */
export const other = `export default { name: 'other', register: (routes) => void routes.get('/other', (c) => c.text('other ' + process.pid)) }`

export const pidOf = async ({ text }: Opened): Promise<number> => Number(await text('/pid'))
