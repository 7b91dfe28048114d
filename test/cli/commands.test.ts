import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ask, makeFolder, startServe } from '../hot/support/served.ts'

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

/** Runs a command that ends by itself. */
const turnout = (folder: string, ...words: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...words], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (text: Buffer) => (out += text.toString()))
    child.stderr.on('data', (text: Buffer) => (err += text.toString()))
    child.once('close', (code) => resolve({ code, out, err }))
  })

const users = `export default {
  version: '1.2.0',
  register: (routes) => routes.get('/users/:id', (c) => c.text(c.param('id'))).post('/users', (c) => c.text('made')),
}
`
const other = `export default { register: (routes) => void routes.get('/users/:name', (c) => c.text('other')) }
`

test('routes lists what a folder would serve, for people and for programs', async (t) => {
  const folder = makeFolder(t, { 'routes/users.js': users })
  const { code, out } = await turnout(folder, 'routes')
  assert.equal(code, 0)
  assert.match(out, /GET +\/users\/:id +users +1\.2\.0 +users\.js/)
  const json = await turnout(folder, 'routes', '--json')
  const rows = json.out.trim().split('\n')
  assert.deepEqual(
    rows.map((line) => (JSON.parse(line) as { pattern: string }).pattern),
    ['/users', '/users/:id'],
  )
})

test('check says what would be refused and exits with 1, and with 0 when nothing would', async (t) => {
  const folder = makeFolder(t, { 'routes/users.js': users, 'routes/zebra.js': other })
  const bad = await turnout(folder, 'check')
  assert.equal(bad.code, 1)
  assert.match(
    bad.err,
    /zebra {2}not served\n[\s\S]*TURNOUT_ROUTE_CONFLICT[\s\S]*users#GET \/users\/:id/,
  )
  const good = await turnout(makeFolder(t, { 'routes/users.js': users }), 'check')
  assert.deepEqual([good.code, good.out, good.err], [0, '1 of 1 modules, 2 routes\n', ''])
})

test('check warns of routes that are never reached, and still exits with 0', async (t) => {
  const shadowing = `export default { register: (routes) => void routes.get('/users/:all(.+)', (c) => c.text('all')) }`
  const folder = makeFolder(t, { 'routes/users.js': users, 'routes/all.js': shadowing })
  const { code, out, err } = await turnout(folder, 'check')
  assert.deepEqual([code, out], [0, '2 of 2 modules, 3 routes\n'])
  assert.match(err, /TURNOUT_ROUTE_SHADOWED.*users#GET \/users\/:id .*all#GET \/users\/:all/)
  const json = await turnout(folder, 'check', '--json')
  assert.equal(json.code, 0)
  assert.match(json.out, /^\{"event":"warning","code":"TURNOUT_ROUTE_SHADOWED".*"cure"/)
})

test('check and serve refuse what the config calls a conflict', async (t) => {
  const near = `export default { register: (routes) => void routes.get('/users/:id/near', (c) => c.text('near')) }`
  const files = { 'routes/users.js': users, 'routes/zebra.js': near }
  assert.equal((await turnout(makeFolder(t, files), 'check')).code, 0)
  const strict = { ...files, 'turnout.config.json': '{ "conflicts": "prefix" }' }
  const { code, err } = await turnout(makeFolder(t, strict), 'check')
  assert.equal(code, 1)
  assert.match(err, /TURNOUT_ROUTE_PREFIX[\s\S]*witness: GET \/users\/x\/near/)
})

test('check never runs a module where it could loop for ever', async (t) => {
  const folder = makeFolder(t, {
    'routes/loop.js': 'for (;;) {}\n',
    'turnout.config.json': '{ "loadTimeoutMs": 500 }',
  })
  const { code, err } = await turnout(folder, 'check')
  assert.equal(code, 1)
  assert.match(err, /TURNOUT_MODULE_LOAD_TIMEOUT/)
})

test('probe says which route serves a request and why, or what came nearest', async (t) => {
  const folder = makeFolder(t, { 'routes/users.js': users })
  const hit = await turnout(folder, 'probe', 'GET', 'http://example.test/users/%37?x=1')
  assert.equal(hit.code, 0)
  assert.match(hit.out, /GET \/users\/:id[\s\S]*users 1\.2\.0[\s\S]*id = 7/)
  const miss = await turnout(folder, 'probe', 'GET', '/user/7')
  assert.equal(miss.code, 1)
  assert.match(miss.out, /404[\s\S]*user[\s\S]*expected +users/)
  const method = await turnout(folder, 'probe', 'PUT', '/users/7')
  assert.match(method.out, /405[\s\S]*GET/)
})

test('init makes a folder that serves', async (t) => {
  const folder = makeFolder(t)
  for (const words of [['init'], ['init', 'js', '--js'], ['init', 'configured', '--with-config']]) {
    assert.equal((await turnout(folder, ...words)).code, 0)
  }
  for (const name of ['routes', 'js', 'configured']) {
    const served = await startServe(t, join(folder, name))
    const { status, text } = await ask(served.port, '/hello/world')
    assert.equal(status, 200, text)
    assert.match(text, /world/)
    assert.equal(await served.stop(), 0)
  }
})

test('services of the config are opened once, injected, and closed when the server has stopped', async (t) => {
  const folder = makeFolder(t, {
    'log.txt': '',
    'turnout.config.ts': `import { appendFileSync } from 'node:fs'
import { defineConfig } from 'turnout'
const say = (text: string) => appendFileSync(new URL('./log.txt', import.meta.url), text + '\\n')
export default defineConfig({
  services: {
    db: {
      open: () => {
        say('open')
        return { find: (id: string) => 'row ' + id }
      },
      close: (db) => say('close ' + db.find('x')),
    },
  },
})
`,
    'a.ts': `import { defineModule } from 'turnout'
export default defineModule({
  register(routes, { services }) {
    const db = services.db as { find(id: string): string }
    routes.get('/a/:id', (c) => c.text(db.find(c.param('id'))))
  },
})
`,
    'b.ts': `export default { register: (routes, { services }) => void routes.get('/b', (c) => c.text(services.db.find('b'))) }`,
  })
  const served = await startServe(t, folder)
  assert.equal((await ask(served.port, '/a/1')).text, 'row 1')
  assert.equal((await ask(served.port, '/b')).text, 'row b')
  assert.equal(await served.stop(), 0)
  assert.equal(readFileSync(join(folder, 'log.txt'), 'utf8'), 'open\nclose row x\n')
})

test('a port that is taken ends serve with code 1 and says so', async (t) => {
  const blocker = createServer()
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
  t.after(() => blocker.close())
  const { port } = blocker.address() as AddressInfo
  const folder = makeFolder(t, { 'users.js': users })
  const { code, err } = await turnout(folder, 'serve', '.', '--port', String(port))
  assert.equal(code, 1)
  assert.match(err, new RegExp(`TURNOUT_LISTEN_FAILED.*${port}.*EADDRINUSE`))
})

test('a bad config ends every command before anything is served', async (t) => {
  const folder = makeFolder(t, { 'routes/users.js': users, 'turnout.config.json': '{ "prot": 1 }' })
  for (const words of [['serve'], ['routes'], ['check'], ['probe', 'GET', '/']]) {
    const { code, err } = await turnout(folder, ...words)
    assert.equal(code, 1, words.join(' '))
    assert.match(err, /did you mean `port`/)
  }
})

test('what a module throws in a timer of its own is logged with its place, and the server lives', async (t) => {
  const folder = makeFolder(t, {
    'stray.ts': `export default {
  register: (routes) =>
    void routes.get('/stray', (c) => {
      setTimeout(() => {
        throw new Error('stray')
      }, 1)
      void Promise.reject(new Error('unhandled'))
      return c.text('ok')
    }),
}
`,
  })
  const served = await startServe(t, folder)
  assert.equal((await ask(served.port, '/stray')).text, 'ok')
  assert.equal((await ask(served.port, '/stray')).text, 'ok')
  assert.equal(await served.stop(), 0)
})
