/**
 * Source of a route module of about `size` characters, as authors write them: a class, closures over
 * a shared state buffer, and a handler that uses them all. `turn` is in its text and its answers.
 */
export function generateModule(size: number, turn: number): string {
  const head = `// turn ${turn}
interface Row { readonly id: string; readonly seen: number }
const buffer = new Uint8Array(1 << 20)
const seen = new Map<string, Row>()
class Store {
  #rows: Row[] = []
  add(row: Row): number { this.#rows.push(row); return this.#rows.length }
}
const store = new Store()
const steps: ((path: string) => number)[] = []
`
  const foot = `
export default function handler(path: string): string {
  buffer[path.length] = (buffer[path.length] ?? 0) + 1
  const sum = steps.reduce((total, step) => total + step(path), 0)
  store.add({ id: path, seen: sum })
  seen.set(path, { id: path, seen: sum })
  return \`turn ${turn}: \${path} \${sum}\`
}
`
  const parts: string[] = []
  for (let index = 0, length = head.length + foot.length; length < size; index += 1) {
    const part = `function step${index}(path: string): number {
  const row = seen.get(path)
  const words = ['alpha ${index}', 'beta ${index}', 'gamma ${index}']
  const weigh = (word: string): number => word.length * ${index + 1} + buffer.length
  return words.filter((word) => word !== path).map(weigh).reduce((a, b) => a + b, row?.seen ?? 0) % 9973
}
steps.push((path) => step${index}(path) + store.add({ id: path, seen: ${index} }))
`
    parts.push(part)
    length += part.length
  }
  return head + parts.join('') + foot
}
