import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Config, defineConfig } from '../../src/config/define.ts'
import { configJsonSchema, configSchema, settingNames } from '../../src/config/schema.ts'

const fromRoot = (name: string): string =>
  readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8')

test('turnout.schema.json is what scripts/schema.mjs writes', () => {
  assert.equal(
    fromRoot('turnout.schema.json'),
    `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`,
  )
})

test('docs/reference/config.md names every setting', () => {
  const page = fromRoot('docs/reference/config.md')
  for (const name of settingNames[''] ?? []) assert.ok(page.includes(`\`${name}\``), name)
})

test('the type of a config and its schema name the same settings', () => {
  const all: { readonly [Name in keyof Required<Config>]: true } = {
    $schema: true,
    host: true,
    port: true,
    trailingSlash: true,
    encodedSlash: true,
    conflicts: true,
    logger: true,
    redact: true,
    accessLog: true,
    tracing: true,
    recovery: true,
    settleMs: true,
    workers: true,
    stopDelayMs: true,
    workerMemoryMb: true,
    loadTimeoutMs: true,
    drainMs: true,
    streamDrainMs: true,
    maxLiveVersions: true,
    bodyLimit: true,
    limits: true,
    overload: true,
    resources: true,
    trustedProxies: true,
    underscores: true,
    lane: true,
    probation: true,
    metrics: true,
    containment: true,
    versionOrder: true,
    versions: true,
    labels: true,
    tls: true,
    modules: true,
    sources: true,
    admin: true,
    health: true,
    data: true,
    services: true,
  }
  assert.deepEqual(Object.keys(all).sort(), [...(settingNames[''] ?? [])].sort())
})

test('defineConfig returns its argument and types what a service closes', () => {
  const config = defineConfig({
    port: 1,
    services: { db: { open: () => ({ end: () => 'ended' }), close: (db) => void db.end() } },
  })
  assert.equal(config.services?.db.open() instanceof Promise, false)
  assert.equal(configSchema.safeParse(config).success, true)
})
