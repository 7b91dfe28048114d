#!/usr/bin/env node
import { wantsColour, createPaint } from './colour.ts'
import { exitCodes } from './commands.ts'
import { runProgram } from './program.ts'
import { readVersion } from './version.ts'

// A reader that has seen enough (`turnout routes | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok)
  throw error
})

const words = process.argv.slice(2)
const allowed = !words.includes('--no-color')

const mostInput = 32 * 1024 * 1024

const readInput = async (): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > mostInput) throw new Error(`it is larger than ${mostInput} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

const { env, stdout, stderr } = process
process.exitCode = await runProgram(words, {
  version: readVersion(),
  loadCommands: () => import('./run.ts'),
  loadInstanceCommands: () => import('./instance/run.ts'),
  terminal: {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    paintOut: createPaint(wantsColour(env, stdout.isTTY, allowed)),
    paintErr: createPaint(wantsColour(env, stderr.isTTY, allowed)),
    isTerminal: stdout.isTTY && env['TERM'] !== 'dumb',
    environment: env,
    workingDirectory: process.cwd(),
    read: readInput,
  },
})

// What a module left open must not keep the process: this fires only when something else still does.
setTimeout(() => process.exit(), 1_000).unref()
