/**
 * Places where tests stop, fail or kill the process; nothing installs one outside of tests. `reach` is called at each
 * arrow of a change with the place's name, such as `store.beforeSync`.
 */
export const failpoints: { reach: ((name: string) => void | Promise<void>) | null } = {
  reach: null,
}

/** Says that a place was reached. Await it where the caller is asynchronous. */
export function failpoint(name: string): void | Promise<void> {
  return failpoints.reach?.(name)
}
