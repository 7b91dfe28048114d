import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TurnoutError } from '../../src/core/errors.ts'
import { createTurnout } from '../../src/turnout.ts'
import { applied, openEmbedded, refused } from './support/embedded.ts'
import { makeFolder } from './support/served.ts'

const greeting = (version: string, path: string): string => `
export default {
  version: '${version}',
  register(routes, { services }) {
    routes.get('${path}', (c) => c.text(services.greeter.greet('${version}')))
  },
}
`

test('services are opened once, outlive the modules, and are closed at close, last opened first', async (t) => {
  const steps: string[] = []
  const service = (name: string): object => ({
    open: () => {
      steps.push(`open ${name}`)
      return { greet: (who: string) => `${name} greets ${who}` }
    },
    close: () => void steps.push(`close ${name}`),
  })
  const folder = makeFolder(t, { 'a.js': greeting('1.0.0', '/a'), 'b.js': greeting('1.0.0', '/b') })
  const services = { first: service('first'), greeter: service('greeter'), limit: 3 }
  const { ask, saved, turnout } = await openEmbedded(t, folder, { services })
  await saved({ 'a.js': greeting('2.0.0', '/a') }, applied('a', '2.0.0'))
  assert.equal(await ask('/a'), 'greeter greets 2.0.0')
  assert.equal(await ask('/b'), 'greeter greets 1.0.0')
  assert.deepEqual(steps, ['open first', 'open greeter'])
  await turnout.close(0)
  assert.deepEqual(steps, ['open first', 'open greeter', 'close greeter', 'close first'])
})

test('a service that does not open rejects the change; the next change opens it again', async (t) => {
  let isBroken = true
  let closed = 0
  const services = {
    steady: { open: () => ({}), close: () => void (closed += 1) },
    greeter: {
      open: async () => {
        if (isBroken) throw new Error('no connection')
        return { greet: (who: string) => `hello ${who}` }
      },
    },
  }
  const folder = makeFolder(t, { 'a.js': greeting('1.0.0', '/a') })
  const { ask, saved, told, turnout } = await openEmbedded(t, folder, { services })
  assert.equal(told.length, 1)
  assert.ok(refused('a', 'TURNOUT_SERVICE_FAILED')(told[0]!))
  assert.equal(await ask('/a'), '404')
  assert.equal(closed, 1, 'what was open already is given back')
  assert.equal(turnout.revision, 0)

  isBroken = false
  await saved({ 'b.js': greeting('1.0.0', '/b') }, applied('b'))
  assert.equal(await ask('/b'), 'hello 1.0.0')
  assert.equal(await ask('/a'), 'hello 1.0.0', 'what was refused came along')
})

test('an embedding program is told by a rejection, and may try again', async (t) => {
  let isBroken = true
  const services = {
    greeter: {
      open: () => {
        if (isBroken) throw new Error('no connection')
        return { greet: (who: string) => `hello ${who}` }
      },
    },
  }
  const turnout = createTurnout({ logger: false, services })
  t.after(() => turnout.close(0))
  const folder = makeFolder(t, { 'a.js': greeting('1.0.0', '/a') })
  const mount = (): Promise<unknown> => turnout.module(`${folder}/a.js`)
  await assert.rejects(mount(), (error) => {
    assert.ok(error instanceof TurnoutError)
    assert.equal(error.code, 'TURNOUT_SERVICE_FAILED')
    assert.match(error.message, /greeter.*no connection/)
    return true
  })
  isBroken = false
  await mount()
  const response = await turnout.fetch(new Request('http://test/a'))
  assert.equal(await response.text(), 'hello 1.0.0')
})
