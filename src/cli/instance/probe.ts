import type { Probed } from '../../turnout-probe.ts'
import { plainLine } from '../../core/plain-text.ts'
import type { Paint } from '../colour.ts'
import { exitCodes } from '../commands.ts'
import { printEvent } from '../print-json.ts'
import { printProbe } from '../print-probe.ts'
import type { AskOptions } from './commands.ts'
import { demand, withInstance } from './reach.ts'
import { targetText } from './route-text.ts'

/** `probe` of a running instance; exit code 1 when nothing would serve the request. */
export function probe(options: AskOptions): Promise<number> {
  const { terminal, json, method, url, headers, from, fallback } = options
  return withInstance(
    options,
    async (client) => {
      const body = { method, url, headers, ...(from === undefined ? {} : { from }) }
      const answer = await demand(client.probe({ body }))
      const probed = answer.body as unknown as Probed
      const request = `${method} ${url}`
      if (json)
        terminal.out(printEvent({ event: 'probe', request, served: servedBy(probed), ...probed }))
      else terminal.out(printProbed(request, probed, terminal.paintOut))
      return probed.kind === 'match' ? exitCodes.ok : exitCodes.failed
    },
    { fallback },
  )
}

/** The explanation, and the route that it comes to. */
export function printProbed(request: string, probed: Probed, paint: Paint): string {
  const { route, switchedOff, ...explanation } = probed
  const served = servedBy(probed)
  const row = (name: string, text: string): string =>
    `  ${paint('dim', name.padEnd(11))} ${plainLine(text)}\n`
  const off = switchedOff.map((id) => row('off', `${id} (turnout enable ${JSON.stringify(id)})`))
  const told = printProbe(request, explanation, served, paint)
  if (route === null) return told + off.join('')
  const { id, owner, revision } = route
  const place = `${owner}, touched last by revision ${revision}`
  return told + row('route', id) + row('owner', place) + off.join('')
}

/** Target and version: `users 1.2.0`, `upstream u 2.0.0`. */
const servedBy = ({ route }: Probed): string | null => {
  if (route === null) return null
  const { id, module, version, target } = route
  const goes = module ?? targetText({ id, target })
  return version === null ? goes : `${goes} ${version}`
}
