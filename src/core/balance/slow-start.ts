import type { SlowStartSettings } from '../route/upstream.ts'

/**
 * The weight of an endpoint that began to serve at `startedAt` (null: it always did). It grows as Envoy documents:
 * weight * max(minimum, (time / window) ** (1 / aggression)), the first second counted as a whole one.
 */
export function slowStartWeight(
  weight: number,
  settings: SlowStartSettings | null,
  startedAt: number | null,
  now: number,
): number {
  if (settings === null || startedAt === null) return weight
  const passed = Math.max(now - startedAt, 1000)
  if (passed >= settings.windowMs) return weight
  const grown = (passed / settings.windowMs) ** (1 / settings.aggression)
  return weight * Math.min(1, Math.max(settings.minWeightPercent / 100, grown))
}
