import type { Item } from '../../admin/answers.ts'

/** A value of JSON for people: a text as it is; what is not there is nothing. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** Where a route goes, for people; a module's route tells its module in its id. */
export function targetText(route: Item): string {
  const target = (route['target'] ?? {}) as Item
  const { upstream, respond, redirect } = target
  const uri = target['uri'] ?? route['uri']
  if (upstream !== undefined) return `upstream ${textOf(upstream)}`
  if (uri !== undefined) return textOf(uri)
  if (respond !== undefined) return `respond ${textOf((respond as Item)['status'] ?? 200)}`
  if (redirect !== undefined) return `redirect ${textOf((redirect as Item)['location'])}`
  const [, module] = /^([^#]+)#/.exec(textOf(route['id'])) ?? []
  return module === undefined ? 'handler' : `module ${module}`
}
