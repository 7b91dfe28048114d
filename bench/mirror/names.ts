/** What is done beside answering, in the order of the rounds. */
export const modes = ['not counted', 'counted', 'verify 10 %', 'verify 100 %'] as const

export type Mode = (typeof modes)[number]
