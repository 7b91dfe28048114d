/** Seeds of the generated cases, in the order in which they were taken up. One that found something stays. */
export const seeds: readonly number[] = [1, 2, 3]
