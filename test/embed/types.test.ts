import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurnout, defineModule, type Services } from '../../src/index.ts'

/** Compiled by tsc like every test: a line that no longer fails there fails the build. */
export const typed: () => void = () => {
  const turnout = createTurnout()
  turnout.get('/users/:id(\\d+)/files/*path', (c) => {
    const id: string = c.param('id')
    const path: string = c.param('path')
    const other: string | undefined = c.param('other')
    // @ts-expect-error -- a param that the pattern does not have may be absent
    const wrong: string = c.param('other')
    return c.text([id, path, other, wrong].join(' '))
  })
  // @ts-expect-error -- a handler answers
  turnout.get('/nothing', () => undefined)
  // @ts-expect-error -- a handler answers with a reply or a Response
  turnout.get('/object', () => ({ a: 1 }))
  turnout.get('/web', async () => new Response('web'))
  turnout.get(
    '/behind',
    (_, next) => next(),
    (c) => c.text('x'),
  )
  // @ts-expect-error -- at least one handler
  turnout.get('/none')
  turnout.on('applied', ({ revision }) => void revision.number.toFixed())
  // @ts-expect-error -- an event that is none
  turnout.on('changed', () => undefined)
  void turnout.module(
    defineModule({
      state: {
        create: () => ({ seen: 0 }),
        migrate: (old: { seen: number }) => ({ seen: old.seen }),
      },
      register(routes, { state, services }) {
        const count: number = state.seen
        // @ts-expect-error -- the state has no such field
        const wrong: number = state.unseen
        const given: Services = services
        routes.get('/', (c) => c.json([count, wrong, given]))
      },
    }),
  )
  // @ts-expect-error -- not a module
  void turnout.module({ routes: [] })
}

test('the type tests were compiled', () => {
  assert.equal(typeof typed, 'function')
})
