/** Prototypes that all code of a process shares. */
const shared: readonly object[] = [
  globalThis,
  Object.prototype,
  Array.prototype,
  Function.prototype,
  String.prototype,
  Promise.prototype,
  process,
  process.env,
]

/**
 * Remembers what this process looks like and returns the question whether it still does: no active
 * timer, handle or request more, no global or shared prototype changed, no listener of the process,
 * no environment variable, the same folder. A process that fails it is not clean for the next module.
 */
export function takeFingerprint(): () => boolean {
  const globals = shared.map(readValues)
  const listeners = countListeners()
  const resources = process.getActiveResourcesInfo()
  const folder = process.cwd()
  return () =>
    process.cwd() === folder &&
    countListeners() === listeners &&
    hasNoMore(process.getActiveResourcesInfo(), resources) &&
    shared.every((object, index) => hasValues(object, globals[index]))
}

/** Properties by key, unread: looking at a lazy global would load what it stands for. */
function readValues(object: object): Map<string | symbol, PropertyDescriptor | undefined> {
  const keys = Reflect.ownKeys(object)
  return new Map(keys.map((key) => [key, Reflect.getOwnPropertyDescriptor(object, key)]))
}

function hasValues(
  object: object,
  before: ReadonlyMap<string | symbol, PropertyDescriptor | undefined> | undefined,
): boolean {
  const keys = Reflect.ownKeys(object).filter((key) => before?.has(key) === true || !isLazy(key))
  if (before === undefined || keys.length !== before.size) return false
  return keys.every((key) => {
    const then = before.get(key)
    const now = Reflect.getOwnPropertyDescriptor(object, key)
    if (then === undefined || now === undefined || then.get === now.get)
      return then !== undefined && Object.is(then.value, now?.value)
    // A lazy global of Node replaces its getter by what it gave, the first time it is read.
    return then.get !== undefined && now.get === undefined && then.get.call(object) === now.value
  })
}

/** Node itself leaves these when it loads its HTTP client, whenever that is. */
const isLazy = (key: string | symbol): boolean =>
  typeof key === 'symbol' && key.description?.startsWith('undici.') === true

const countListeners = (): string =>
  process
    .eventNames()
    .map((name) => `${String(name)} ${process.listenerCount(name)}`)
    .sort()
    .join()

function hasNoMore(now: readonly string[], before: readonly string[]): boolean {
  const left = [...before]
  return now.every((name) => {
    // Callbacks that are queued for this very turn come and go.
    if (name === 'Immediate' || name === 'TickObject') return true
    const place = left.indexOf(name)
    if (place >= 0) left.splice(place, 1)
    return place >= 0
  })
}
