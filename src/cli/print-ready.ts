import { plainLine } from '../core/plain-text.ts'
import type { Paint } from './colour.ts'
import { printDuration } from './print-change.ts'
import type { ReadyView } from './view.ts'

/** What is said once the server accepts requests; well under one screen. */
export function printReady(ready: ReadyView, paint: Paint): string {
  const { version, readyMs, urls, admin, health, folder, modules, routes, configFile } = ready
  const row = (name: string, text: string): string =>
    `  ${paint('green', '➜')}  ${paint('bold', `${name}:`.padEnd(8))} ${plainLine(text)}`
  const count = (number: number, word: string): string =>
    `${number} ${word}${number === 1 ? '' : 's'}`
  return [
    '',
    `  ${paint('green', paint('bold', `TURNOUT v${version}`))}  ready in ${printDuration(readyMs)}`,
    '',
    ...urls.map((url) => row('Local', url)),
    ...(admin === null ? [] : [row('Admin', admin)]),
    ...(health === null ? [] : [row('Health', health)]),
    row('Folder', `${folder}  (${count(modules, 'module')}, ${count(routes, 'route')})`),
    ...(configFile === null ? [] : [row('Config', configFile)]),
    '',
    `  ${paint('dim', 'Save a file to change its routes. Ctrl-C drains and ends; twice ends at once.')}`,
    '',
    '',
  ].join('\n')
}

/** The admin token, when it was made: the one time that it is shown. */
export function printToken(file: string, token: string, paint: Paint): string {
  return `  ${paint('green', '➜')}  ${paint('bold', 'Token:'.padEnd(8))} ${token}  (kept in ${plainLine(file)})\n`
}
