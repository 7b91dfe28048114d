import { readFileSync, readdirSync } from 'node:fs'

const read = (file: string): string => {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

/** A process and all below it: some servers work in children. */
export function family(pid: number): number[] {
  let tasks: string[] = []
  try {
    tasks = readdirSync(`/proc/${pid}/task`)
  } catch {
    return [pid]
  }
  const children = tasks.flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(family)]
}

const sum = (pid: number, value: (pid: number) => number): number =>
  family(pid).reduce((total, one) => total + value(one), 0)

/** User and system time so far in microseconds (proc(5): fields 14 and 15, in ticks of 10 ms); NaN without /proc. */
export function cpuTimeOf(pid: number): number {
  return sum(pid, (one) => {
    const text = read(`/proc/${one}/stat`)
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10_000
  })
}

/** What all cores together were busy with so far in microseconds, whoever it was (proc(5)); NaN without /proc. */
export function cpuTimeOfAll(): number {
  const [user, nice, system, , , irq, softirq, steal] = read('/proc/stat')
    .split(/\s+/)
    .slice(1, 9)
    .map(Number)
  return (user! + nice! + system! + irq! + softirq! + steal!) * 10_000
}

/** Resident memory in KB; NaN without /proc. */
export function rssOf(pid: number): number {
  return sum(pid, (one) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${one}/status`))?.[1]))
}

/** The children of a process. */
export const childrenOf = (pid: number): readonly number[] => family(pid).slice(1)

/** Memory of one process in KB: what is resident, and its part of it where pages are shared (`Pss`); NaN without /proc. */
export function memoryOf(pid: number): { readonly rss: number; readonly pss: number } {
  const text = read(`/proc/${pid}/smaps_rollup`)
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1])
  return { rss: field('Rss'), pss: field('Pss') }
}

export const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
