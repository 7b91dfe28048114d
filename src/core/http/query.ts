/** The name that a piece of a query gives a value to, decoded as HTML forms encode it. */
function nameOf(piece: string): string {
  const equals = piece.indexOf('=')
  const name = equals < 0 ? piece : piece.slice(0, equals)
  if (!/[%+]/.test(name)) return name
  // The `&` keeps a question mark at the beginning of a name.
  for (const key of new URLSearchParams(`&${name}=`).keys()) return key
  return ''
}

const piecesOf = (search: string): readonly string[] => search.slice(1).split('&')

const searchOf = (pieces: readonly string[]): string =>
  pieces.length === 0 ? '' : `?${pieces.join('&')}`

const pieceOf = (name: string, value: string): string =>
  `${encodeURIComponent(name)}=${encodeURIComponent(value)}`

/** A query, with its question mark or empty, and one parameter more behind it. */
export function withParameter(search: string, name: string, value: string): string {
  const piece = pieceOf(name, value)
  if (search.length < 2) return `?${piece}`
  return `${search}&${piece}`
}

/** A query without a parameter, however its name is spelled; what else it has stays as it is. */
export function withoutParameter(search: string, name: string): string {
  if (search.length < 2) return search
  const pieces = piecesOf(search)
  const kept = pieces.filter((piece) => nameOf(piece) !== name)
  return kept.length === pieces.length ? search : searchOf(kept)
}

/** A query whose parameter, where it is there, is there once and says this. */
export function withParameterOnce(search: string, name: string, value: string): string {
  if (search.length < 2) return search
  let isFound = false
  const pieces = piecesOf(search).flatMap((piece) => {
    if (nameOf(piece) !== name) return [piece]
    if (isFound) return []
    isFound = true
    return [pieceOf(name, value)]
  })
  return isFound ? searchOf(pieces) : search
}
