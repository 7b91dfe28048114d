// Writes docs/reference/errors.md from the error table in src/core/errors.ts. A test fails when it is stale.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root, run, setup } from './setup.mjs'

const head = `# Errors

Every error has a stable code. It is in the answer to a client (\`code\`), in the log, in what the command line
prints, and in \`error.code\` of a \`TurnoutError\`. Words in braces are filled in.

An answer is a problem of RFC 9457:

\`\`\`json
{
  "title": "Not Found",
  "status": 404,
  "code": "TURNOUT_ROUTE_NOT_FOUND",
  "detail": "No route for GET /nope"
}
\`\`\`

The status counts where the code reaches a client. When a handler throws an error of its own, the client gets 500 and
\`TURNOUT_HANDLER_FAILED\`: the message is for the log only.

This page is written by \`node scripts/errors.mjs\`.
`

/** Braces and brackets of a message are text, not markup. */
const escaped = (text) => text.replaceAll(/[*_<>[\]]/g, String.raw`\$&`)
const prose = (text) =>
  text
    .split('`')
    .map((part, at) => (at % 2 === 0 ? escaped(part) : part))
    .join('`')

const section = ([code, { status, message, cause, cure }]) => `
## ${code}

- Status: ${status}
- Message: \`${message.replaceAll('`', "'")}\`
- Cause: ${prose(cause)}
- Cure: ${prose(cure)}
`

/** The page as it is committed. */
export const errorsPage = (table) => head + Object.entries(table).map(section).join('')

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setup()
  const { errorTable } = await import('../dist/src/core/errors.js')
  const file = join(root, 'docs/reference/errors.md')
  writeFileSync(file, errorsPage(errorTable))
  run(join(root, 'node_modules/.bin/oxfmt'), ['--check', file])
}
