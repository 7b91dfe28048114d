// Writes docs/reference/logs.md from the table in src/telemetry/log-fields.ts. A test fails when it is stale.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root, run, setup } from './setup.mjs'

const head = `# Fields of the log

Every line is one JSON object. It begins with the fields of the first table, in that order; those of the second come where
they mean something. No line has any other. How to use them: [logs](../guide/logs.md).

This page is written by \`node scripts/logs.mjs\`.

## On every line
`

const middle = `
## Where they mean something

A value is \`null\` where it is not known.
`

const tail = `
## Secrets

The value of a field whose name has one of these words in it comes out as \`"[redacted]"\`, at any depth: \`authorization\`,
\`cookie\`, \`password\`, \`passwd\`, \`passphrase\`, \`token\`, \`secret\`, \`apikey\`, \`privatekey\`, \`credential\`, and what \`redact\`
adds. Case, \`-\` and \`_\` do not count: \`X-API-Key\` is \`apikey\`. Users and passwords in URLs are cut out of every text.

Text that is part of a message or of an error is not looked at beyond that: do not put secrets there.

## Sizes

A line has at most 16,384 characters, a text 8,192, a list or an object 100 members, and values are six deep at most. What goes
beyond is cut, and \`line_cut\` says so.
`

const types = {
  id: '32 hex digits',
  level: 'text',
  texts: 'list of texts',
  switch: 'true or false',
}

const table = (rows) => [
  '',
  '| field | type | meaning |',
  '|---|---|---|',
  ...rows.map(({ name, type, meaning }) => `| \`${name}\` | ${types[type] ?? type} | ${meaning} |`),
  '',
]

/** The page as it is committed, but for the width of its tables. */
export const logsPage = ({ headFields, logFields }) =>
  head + table(headFields).join('\n') + middle + table(logFields).join('\n') + tail

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setup()
  const file = join(root, 'docs/reference/logs.md')
  writeFileSync(file, logsPage(await import('../dist/src/telemetry/log-fields.js')))
  run(join(root, 'node_modules/.bin/oxfmt'), [file])
}
