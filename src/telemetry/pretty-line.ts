import { plainLine, plainText } from '../core/plain-text.ts'

const colours: Readonly<Record<string, number>> = { debug: 90, info: 36, warn: 33, error: 31 }

const clock = (timestamp: unknown): string => {
  const at = new Date(Number(timestamp))
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':')
}

const shown = (value: unknown): string => {
  if (typeof value === 'string' && /^[\w./:@#*+-]+$/.test(value)) return value
  return plainLine(JSON.stringify(value) ?? 'undefined')
}

/** A line of the JSON log as people read it: `12:03:44 info  message  route_id=users#GET /:id`. */
export function prettyLine(json: string, colour: boolean): string {
  let entry: Record<string, unknown>
  try {
    entry = JSON.parse(json) as Record<string, unknown>
  } catch {
    return plainText(json)
  }
  const { level, timestamp, message, service_name: _, trace_id: _id, error, data, ...own } = entry
  const fields = { ...own, ...(typeof data === 'object' ? data : {}) }
  const paint = (code: number, text: string): string =>
    colour ? `\u001B[${code}m${text}\u001B[39m` : text
  const name = String(level)
  const parts = [
    `${paint(90, clock(timestamp))} ${paint(colours[name] ?? 39, name.padEnd(5))} ${plainLine(String(message))}`,
    ...Object.entries(fields).map(
      ([key, value]) => `${paint(90, `${plainLine(key)}=`)}${shown(value)}`,
    ),
  ]
  const { stack } = (typeof error === 'object' && error !== null ? error : {}) as {
    readonly stack?: unknown
  }
  if (typeof stack === 'string') return `${parts.join('  ')}\n${plainText(stack)}\n`
  if (error !== undefined) parts.push(`${paint(90, 'error=')}${shown(error)}`)
  return `${parts.join('  ')}\n`
}
