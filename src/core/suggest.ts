/**
 * Number of single-character edits between two words, where swapping two neighbours is one edit
 * (optimal string alignment distance, Damerau 1964). Takes time and memory of both lengths multiplied.
 */
export function editDistance(from: string, to: string): number {
  const a = Array.from(from)
  const b = Array.from(to)
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1]
      let best = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
      )
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

const LONGEST_WORD = 64

/**
 * The candidate that a mistyped word most likely meant, or undefined when none is near: at most one
 * edit for each three characters, and at least one allowed. Case and dashes do not count as edits.
 */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length === 0 || word.length > LONGEST_WORD) return undefined
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_]/g, '')
  const wanted = plain(word)
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const candidate of candidates) {
    if (candidate === word || candidate.length > LONGEST_WORD) continue
    const distance = editDistance(wanted, plain(candidate))
    // A word of one or two letters has every other such word at one or two edits.
    if (distance >= wanted.length) continue
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}
