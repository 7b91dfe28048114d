/** Coefficients of Lanczos's approximation with g = 7 and 9 terms: 15 digits. */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
]

/** Logarithm of the gamma function, for values above 0.5 (Press and others, Numerical Recipes, 3rd edition, 6.1). */
export function logGamma(value: number): number {
  const x = value - 1
  const t = x + 7.5
  const sum = lanczos.reduce((sum, term, at) => (at === 0 ? term : sum + term / (x + at)), 0)
  return 0.5 * Math.log(2 * Math.PI) + (x + 0.5) * Math.log(t) - t + Math.log(sum)
}

const logChoose = (n: number, k: number): number =>
  logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)

/** How likely it is that of `n` trials, each a success with chance `p`, at least `k` are. */
export function binomialAtLeast(k: number, n: number, p: number): number {
  if (k <= 0) return 1
  if (k > n || p <= 0) return 0
  if (p >= 1) return 1
  // Terms fall from the mean on: add the tail that is away from it.
  if (k <= n * p) return 1 - tail(n - k + 1, n, 1 - p)
  return tail(k, n, p)
}

/** The sum of the terms from `k`, which is above the mean, to `n`. */
function tail(k: number, n: number, p: number): number {
  let term = Math.exp(logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p))
  let sum = term
  const odds = p / (1 - p)
  for (let at = k + 1; at <= n && term > sum * 1e-12; at += 1) {
    term *= ((n - at + 1) / at) * odds
    sum += term
  }
  return Math.min(1, sum)
}

/**
 * Fisher's exact test, one side: `k` of `n` have a mark, and `otherK` of `otherN`. How likely the first group has at
 * least so many, were the marks dealt among all by chance.
 */
export function fisherAtLeast(k: number, n: number, otherK: number, otherN: number): number {
  const marked = k + otherK
  const least = Math.max(0, marked - otherN)
  const most = Math.min(marked, n)
  if (k <= least) return 1
  const mean = (marked * n) / (n + otherN)
  if (k <= mean)
    return 1 - hypergeometricTail(marked - k + 1, otherN, marked, n + otherN, marked - least)
  return hypergeometricTail(k, n, marked, n + otherN, most)
}

/** The sum of the terms from `k`, which is above the mean, to `most`: marks among `n` of `total` where `marked` have one. */
function hypergeometricTail(
  k: number,
  n: number,
  marked: number,
  total: number,
  most: number,
): number {
  if (k > most) return 0
  const rest = total - n
  let term = Math.exp(logChoose(n, k) + logChoose(rest, marked - k) - logChoose(total, marked))
  let sum = term
  for (let at = k + 1; at <= most && term > sum * 1e-12; at += 1) {
    term *= ((n - at + 1) / at) * ((marked - at + 1) / (rest - marked + at))
    sum += term
  }
  return Math.min(1, sum)
}
