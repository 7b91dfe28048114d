import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import {
  ask,
  isApplied,
  isRejected,
  makeFolder,
  problemsOf,
  save,
  startServe,
} from './support/served.ts'

interface BadSave {
  readonly name: string
  readonly text: string
  readonly code: string
  readonly says: RegExp
  /** Line of the author's file that is at fault, where there is one. */
  readonly line?: number
}

const good = (version: string): string => `
export default {
  version: '${version}',
  state: { create: () => ({ seen: 0 }) },
  register(routes) {
    routes.get('/users', (c) => c.text('${version}'))
  },
}
`

const registering = (body: string, rest = ''): string => `
export default {
  version: '66.0.0',${rest}
  register(routes, { services, state }) {
    routes.get('/users', (c) => c.text('bad'))
    ${body}
  },
}
`

const badSaves: readonly BadSave[] = [
  {
    name: 'a syntax error',
    text: 'export default {\n  register(routes {\n}\n',
    code: 'TURNOUT_MODULE_BUILD_FAILED',
    says: /Expected/,
    line: 2,
  },
  {
    name: 'a throw at import',
    text: `${good('66.0.0')}\nthrow new Error('no such luck')\n`,
    code: 'TURNOUT_MODULE_LOAD_FAILED',
    says: /no such luck/,
    line: 10,
  },
  {
    name: 'an import that never settles',
    text: `${good('66.0.0')}\nawait new Promise(() => {})\n`,
    code: 'TURNOUT_MODULE_LOAD_TIMEOUT',
    says: /import waits/,
  },
  {
    name: 'an endless loop at import',
    text: `${good('66.0.0')}\nfor (;;);\n`,
    code: 'TURNOUT_MODULE_LOAD_TIMEOUT',
    says: /import is in an endless loop/,
  },
  {
    name: 'an endless loop in register',
    text: registering('for (;;);'),
    code: 'TURNOUT_MODULE_LOAD_TIMEOUT',
    says: /register step is in an endless loop/,
  },
  {
    name: 'an endless chain of microtasks at import',
    text: `${good('66.0.0')}\nconst spin = () => Promise.resolve().then(spin)\nawait spin()\n`,
    code: 'TURNOUT_MODULE_LOAD_TIMEOUT',
    says: /import is in an endless loop/,
  },
  {
    name: 'an exit at import',
    text: `${good('66.0.0')}\nprocess.exit(0)\n`,
    code: 'TURNOUT_MODULE_CRASHED',
    says: /exited with code 0/,
  },
  {
    name: 'a package that is not there',
    text: `import missing from 'no-such-package-anywhere'\n${good('66.0.0')}\nmissing()\n`,
    code: 'TURNOUT_MODULE_DEPENDENCY_MISSING',
    says: /no-such-package-anywhere/,
    line: 1,
  },
  {
    name: 'a local file that is not there',
    text: `\nimport { missing } from './_missing.js'\n${good('66.0.0')}\nmissing()\n`,
    code: 'TURNOUT_MODULE_IMPORT_MISSING',
    says: /_missing\.js/,
    line: 2,
  },
  {
    name: 'no default export',
    text: 'export const routes = []\n',
    code: 'TURNOUT_MODULE_EXPORT_INVALID',
    says: /no default export/,
  },
  {
    name: 'a default export that is no module',
    text: 'export default 42\n',
    code: 'TURNOUT_MODULE_EXPORT_INVALID',
    says: /neither a route module/,
  },
  {
    name: 'a function of one parameter',
    text: 'export default (routes) => {}\n',
    code: 'TURNOUT_MODULE_EXPORT_INVALID',
    says: /fewer than two parameters/,
  },
  {
    name: 'a version that is not SemVer',
    text: good('66'),
    code: 'TURNOUT_MODULE_EXPORT_INVALID',
    says: /'66' is not SemVer/,
  },
  {
    name: 'a route of another module',
    text: registering(`routes.get('/others/:name', (c) => c.text('bad'))`),
    code: 'TURNOUT_ROUTE_CONFLICT',
    says: /files:other/,
  },
  {
    name: 'the same route twice',
    text: registering(`routes.get('/users', (c) => c.text('bad'))`),
    code: 'TURNOUT_ROUTE_TWICE',
    says: /GET \/users/,
  },
  {
    name: 'two routes of one shape',
    text: registering(
      `routes.get('/of/:a', (c) => c.text('bad')).get('/of/:b', (c) => c.text('bad'))`,
    ),
    code: 'TURNOUT_ROUTE_CONFLICT',
    says: /\/of\/:a/,
  },
  {
    name: 'a name that another module has',
    text: registering('', `\n  name: 'other',`),
    code: 'TURNOUT_MODULE_NAME_TAKEN',
    says: /other/,
  },
  {
    name: 'a pattern that cannot be',
    text: registering(`routes.get('/users/*rest/more', (c) => c.text('bad'))`),
    code: 'TURNOUT_PATTERN_INVALID',
    says: /rest/,
  },
  {
    name: 'a handler that is no function',
    text: registering(`routes.get('/users/x', 'bad')`),
    code: 'TURNOUT_REGISTRATION_INVALID',
    says: /\/users\/x/,
    line: 6,
  },
  {
    name: 'a migrate that throws',
    text: registering(
      '',
      `\n  state: { create: () => ({}), migrate() {\n    throw new Error('cannot move')\n  } },`,
    ),
    code: 'TURNOUT_MODULE_LOAD_FAILED',
    says: /cannot move/,
    line: 5,
  },
  {
    name: 'a migrate that returns a promise',
    text: registering('', `\n  state: { create: () => ({}), migrate: async (old) => old },`),
    code: 'TURNOUT_STATE_ASYNC',
    says: /promise/,
  },
  {
    name: 'a register that throws',
    text: registering(`throw new Error('not today')`),
    code: 'TURNOUT_MODULE_LOAD_FAILED',
    says: /not today/,
    line: 6,
  },
  {
    name: 'a register that is asynchronous',
    text: registering('').replace('register(', 'async register('),
    code: 'TURNOUT_REGISTRATION_INVALID',
    says: /asynchronous/,
  },
  {
    name: 'a register that uses a service',
    text: registering('services.greeter.greet()'),
    code: 'TURNOUT_SERVICE_IN_REGISTER',
    says: /greeter/,
    line: 6,
  },
  {
    name: 'a state.create that throws',
    text: registering('', `\n  state: { create() { throw new Error('no state') } },`),
    code: 'TURNOUT_MODULE_LOAD_FAILED',
    says: /no state/,
    line: 4,
  },
  {
    name: 'a state.create that returns a promise',
    text: registering('', `\n  state: { create: async () => ({}) },`),
    code: 'TURNOUT_STATE_ASYNC',
    says: /promise/,
  },
]

const configText = `
export default {
  loadTimeoutMs: 700,
  services: { greeter: { open: () => ({ greet: () => 'hello' }) } },
}
`

const otherText = `
export default { register: (routes) => routes.get('/others/:id', (c) => c.text('other')) }
`

test('a bad save leaves the last good version serving and says why; the next good save goes live', async (t) => {
  const folder = makeFolder(t, {
    'turnout.config.js': configText,
    'routes/users.js': good('0.0.0'),
    'routes/other.js': otherText,
  })
  const file = `${folder}/routes/users.js`
  const served = await startServe(t, `${folder}/routes`, {
    words: ['--config', `${folder}/turnout.config.js`],
  })
  const { port } = served
  let serving = '0.0.0'
  let next = 1
  for (const { name, text, code, says, line } of badSaves) {
    await t.test(name, async () => {
      const from = served.events.length
      const rejected = served.next(isRejected('users'), from)
      save(folder, 'routes/users.js', text)
      // Asked all the while: the code at fault never runs where requests are served.
      const wait = { isOver: false }
      const over = rejected.finally(() => (wait.isOver = true))
      let answers = 0
      do {
        const { status, text: answer } = await ask(port, '/users')
        assert.deepEqual({ status, answer }, { status: 200, answer: serving })
        answers += 1
        await pause(10)
      } while (!wait.isOver)
      const event = await over
      assert.ok(answers > 1)
      assert.equal(event['serving'], serving)
      const problems = problemsOf(event)
      const [problem] = problems
      assert.equal(problem?.code, code, JSON.stringify(problems))
      assert.match(problem.message, says)
      if (line !== undefined) {
        assert.deepEqual([problem.place?.file, problem.place?.line], [file, line])
      }
      assert.equal((await ask(port, '/users')).text, serving)
      assert.equal((await ask(port, '/others/7')).text, 'other')
      assert.equal(served.events.slice(from).filter((one) => one.event === 'applied').length, 0)

      const version = `${next}.0.0`
      next += 1
      const applied = served.next(isApplied('users', version))
      save(folder, 'routes/users.js', good(version))
      await applied
      serving = version
      assert.equal((await ask(port, '/users')).text, serving)
    })
  }
  assert.equal(await served.stop(), 0)
})
