import { refuse, shown } from './input.ts'
import type { Arg } from './spring-args.ts'

const units: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
}

/** Bytes of `5MB`, or of a number; undefined where it is none, which is noted. */
export function bytesOf({ text, place }: Arg, what = 'maxSize'): number | undefined {
  const [, amount, unit = ''] = /^(\d{1,12})(|B|KB|MB|GB)$/.exec(text.trim()) ?? []
  if (amount !== undefined) return Number(amount) * (units[unit] ?? 1)
  return refuse(place, `${what} is bytes or a size like 5MB, not ${shown(text)}`)
}
