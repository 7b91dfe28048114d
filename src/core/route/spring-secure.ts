import { permissionsPolicy, secureDefaults } from './filter-message.ts'
import { refuse, shown } from './input.ts'
import { bindFields, type Arg, type Call } from './spring-args.ts'
import type { FilterDraft } from './spring-draft.ts'

/** Fields of a filter by the names that Spring has for their values. */
const valueNames: Readonly<Record<string, string>> = {
  xssProtectionHeader: 'x-xss-protection',
  strictTransportSecurity: 'strict-transport-security',
  frameOptions: 'x-frame-options',
  contentTypeOptions: 'x-content-type-options',
  referrerPolicy: 'referrer-policy',
  contentSecurityPolicy: 'content-security-policy',
  downloadOptions: 'x-download-options',
  permittedCrossDomainPolicies: 'x-permitted-cross-domain-policies',
  permissionsPolicy: 'permissions-policy',
}

/** `permissionsPolicyHeaderValue` and `permissionsPolicy` are one. */
const shortKey = (key: string): string => key.replace(/-?header-?value$/i, '')

/** Spring lets these be said for all routes as well; here each filter says them. */
export function draftSecure(call: Call): FilterDraft | undefined {
  const args = call.args.map((arg) => {
    const key = shortKey(arg.key)
    const isXss = /^xss-?protection$/i.test(key)
    return { ...arg, key: isXss ? 'xssProtectionHeader' : key }
  })
  const bound = bindFields(
    { ...call, args },
    ['enable', 'disable', ...Object.keys(valueNames)],
    0,
    0,
  )
  if (bound === undefined) return undefined
  const headers: Record<string, string | null> = {}
  for (const [arg, isOn] of [
    [bound.get('disable'), false],
    [bound.get('enable'), true],
  ] as const) {
    const names = namesOf(arg)
    if (names === undefined) return undefined
    for (const name of names)
      headers[name] = isOn ? (secureDefaults[name] ?? permissionsPolicy) : null
  }
  for (const [key, name] of Object.entries(valueNames)) {
    const arg = bound.get(key)
    // A value of one that is off says nothing, nor does that of one that nobody asked for.
    const isOff = headers[name] === null || (name === 'permissions-policy' && !(name in headers))
    if (arg !== undefined && !isOff) headers[name] = arg.text.trim()
  }
  return {
    filter: { kind: 'secure-headers', headers },
    places: { headers: bound.values().next().value },
  }
}

function namesOf(arg: Arg | undefined): readonly string[] | undefined {
  const known = Object.values(valueNames)
  const names = (arg?.text ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
  const unknown = names.find((name) => !known.includes(name))
  if (unknown === undefined || arg === undefined) return names
  return refuse(arg.place, `${shown(unknown)} is none of ${known.join(', ')}`)
}
