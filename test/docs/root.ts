/** The project's root, from the compiled tests. */
export const root: URL = new URL('../../../', import.meta.url)
