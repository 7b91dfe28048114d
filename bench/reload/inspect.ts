/** What the rehearsals of this bench look at: one answer of the handler. */
export const inspect = (exports: Readonly<Record<string, unknown>>, path: unknown): unknown =>
  (exports['default'] as (path: string) => string)(String(path))
