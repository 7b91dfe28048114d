/** Fields without those of the trace. */
export function withoutTrace(headers: readonly string[]): string[] {
  const kept: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase()
    if (name !== 'traceparent' && name !== 'tracestate') kept.push(headers[at]!, headers[at + 1]!)
  }
  return kept
}
