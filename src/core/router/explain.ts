export type Explanation<T> = T
export function explainRoute<T>(_r: unknown, _m: string, _t: string): Explanation<T> { throw new Error('temp') }
