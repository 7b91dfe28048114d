import { bucketGrowth, firstBucketMs } from './figures.ts'

/** Upper bound of each bucket, ms, the last one above 2 minutes; one more bucket stands for all that is longer. */
export const bounds: Float64Array = boundsUpTo(120_000)
export const bucketCount: number = bounds.length + 1
const longestMs = bounds[bounds.length - 1]!

function boundsUpTo(most: number): Float64Array {
  const found = [firstBucketMs]
  while (found.at(-1)! < most) found.push(firstBucketMs * bucketGrowth ** found.length)
  return Float64Array.from(found)
}

/**
 * A number's exponent and first 6 bits after it, as one integer: 64 steps in each octave, each 1.6 % wide at most,
 * narrower than a bucket. A table says the bucket where a step begins; the number is there or in the next one.
 *
 *     bits of a double   s eeeeeeeeeee ffffff ffffffffffffff ...
 *                          \----- step -----/
 */
const stepShift = 14
const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
/** Which half has the exponent, by the order of bytes of this machine. */
const high = highWord()
const firstStep = stepOf(firstBucketMs)
const bucketOfStep = Uint16Array.from({ length: stepOf(longestMs) - firstStep + 1 }, (_, at) =>
  bucketBySearch(startOf(firstStep + at)),
)

function highWord(): 0 | 1 {
  double[0] = 1
  return words[1] === 0 ? 0 : 1
}

function stepOf(value: number): number {
  double[0] = value
  return words[high]! >>> stepShift
}

function startOf(step: number): number {
  words[1 - high] = 0
  words[high] = step << stepShift
  return double[0]!
}

function bucketBySearch(ms: number): number {
  const found = bounds.findIndex((bound) => ms <= bound)
  return found === -1 ? bounds.length : found
}

/** The bucket of a duration: the first whose bound is not below it. No number and less than nothing are in the first. */
export function bucketOf(ms: number): number {
  if (!(ms > firstBucketMs)) return 0
  if (ms > longestMs) return bounds.length
  double[0] = ms
  const bucket = bucketOfStep[(words[high]! >>> stepShift) - firstStep]!
  return ms > bounds[bucket]! ? bucket + 1 : bucket
}

/** The lower bound of a bucket, ms. */
export const floorOf = (bucket: number): number => (bucket === 0 ? 0 : bounds[bucket - 1]!)
