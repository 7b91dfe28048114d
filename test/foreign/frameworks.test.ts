import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apps } from './apps.ts'
import { get, serveFolder } from './folder.ts'

const post = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } }

for (const [name, app] of Object.entries(apps)) {
  const file = `${name}.js`

  test(`${name}: an app is a module as it is`, async (t) => {
    const { url } = await serveFolder(t, { [file]: app('1') })
    assert.equal(await get(`${url}/`), '200 home')
    assert.equal(await get(`${url}/users/a%20b?q=1`).then((text) => text.includes('"q":"1"')), true)
    assert.equal(await get(`${url}/users/7?q=1`), '200 {"id":"7","q":"1"}')
    assert.equal(await get(`${url}/echo`, post), '200 {"a":1}')
    const stream = await fetch(`${url}/stream`)
    assert.match(stream.headers.get('content-type') ?? '', /^text\/event-stream/)
    assert.equal(await stream.text(), 'abc')
    assert.match(await get(`${url}/nope`), /^404 /)
    assert.match(await get(`${url}/fails`), /^500 /)
    assert.equal(await get(`${url}/`), '200 home')
  })

  test(`${name}: replaced under requests, none is lost and each has one version`, async (t) => {
    const { url, save } = await serveFolder(t, { [file]: app('0') })
    const stopped = new AbortController()
    const seen = new Set<string>()
    const client = async (): Promise<void> => {
      while (!stopped.signal.aborted) seen.add(await get(`${url}/version`))
    }
    const clients = Array.from({ length: 8 }, client)
    for (let version = 1; version <= 5; version += 1) await save(file, app(String(version)))
    assert.equal(await get(`${url}/version`), '200 5')
    stopped.abort()
    await Promise.all(clients)
    assert.ok(seen.size > 1)
    for (const answer of seen) assert.match(answer, /^200 [0-5]$/)
  })
}
