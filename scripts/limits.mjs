// Writes docs/reference/limits.md from the table in src/core/http/limits.ts. A test fails when it is stale.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root, run, setup } from './setup.mjs'

const head = `# Limits

What a listener takes from its clients. All are on by default; \`limits\` of the config and of \`createTurnout\` sets
them, in milliseconds and bytes. \`bodyLimit\` is for bodies that handlers read whole.

A limit that is reached is not passed: the request, or the connection, beyond it has the outcome below.

`

const tail = `
- Waiting clients are looked at four times in the shortest of \`writeIdleMs\`, \`keepAliveMs\`, \`headersMs\`, \`requestMs\` and
  \`bodyGraceMs\`, and every 5 s at least, so that these may end a little late.
- That a client has left is not seen while so much of what it sent waits for a handler that no more of it is read.
- A client is slow when it takes nothing at all of what waits for it. One that takes a little, again and again, is not cut,
  unless others wait for its connection to an upstream. What the system keeps for it counts as taken: see \`net.ipv4.tcp_wmem\`.
- A body is slow by the average since it began, after \`bodyGraceMs\`. Time in which its handler or upstream does not take what has
  come does not count. Clients that send little by little on purpose need \`requestMs\` and \`bodyBytesPerSecond\` of 0.
- Above 80 % of \`connections\`, connections that are idle between two requests are closed before their time, those first that have
  been idle for longest, until 75 % are left.
- How many requests are under way at once is not said here: see [overload](../guide/overload.md).
- \`headersMs\` is also how long a TLS handshake may take. \`requestMs\` counts the body: raise it, or set 0, for large uploads.
- \`headerBytes\` beyond 16 KB also lets the target grow: it counts together with the fields, and is 431 before it is 414.
- A program that mounts Turnout in a server of its own keeps that server's limits; \`headerFields\` and \`targetLength\` hold there too.

## What is refused

With 400, and the connection is closed: more or fewer Host fields than one; a Host that is no name or address with an optional
port; an absolute target of another host than Host; \`#\` in a target, \`\\\\\` in its path; \`Transfer-Encoding\` other than
\`chunked\`, in HTTP/1.0, or beside \`Content-Length\`; a length that no number tells exactly; whatever RFC 9112 does not allow.
CONNECT and TRACE are 405. \`Expect\` other than \`100-continue\` is 417. What came behind a refused request is never served.

This page is written by \`node scripts/limits.mjs\`.
`

const cell = (text) => text.replaceAll('|', '\\|')

/** The page as it is committed, before it is formatted. */
export const limitRows = (table) =>
  Object.entries(table).map(([name, row]) => [
    `\`${name}\``,
    `${row.default}`,
    `${row.least} to ${row.most}`,
    cell(row.means),
    cell(row.beyond),
  ])

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setup()
  const { limitTable } = await import('../dist/src/core/http/limits.js')
  const lines = [
    ['limit', 'default', 'may be', 'what', 'beyond it'],
    ['---', '---', '---', '---', '---'],
    ...limitRows(limitTable),
  ].map((cells) => `| ${cells.join(' | ')} |`)
  const file = join(root, 'docs/reference/limits.md')
  writeFileSync(file, `${head}${lines.join('\n')}\n${tail}`)
  run(join(root, 'node_modules/.bin/oxfmt'), [file])
}
