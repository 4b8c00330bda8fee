#!/usr/bin/env node
import '../lib/node-20.ts'
import { createInterface } from 'node:readline/promises'
import { main } from '../lib/cli/main.ts'
import { moduleBeside } from '../lib/local/module-beside.ts'
import { runLocal } from '../lib/run-local.ts'

// A reader such as `head` may close the pipe early. That is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}

const untilStopped = () =>
  new Promise<void>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve())
  })

process.exitCode = await main(process.argv.slice(2), {
  env: process.env,
  out: text => process.stdout.write(text),
  err: text => process.stderr.write(text),
  ...(process.stdin.isTTY && { ask }),
  untilStopped,
  start: () => runLocal(moduleBeside(import.meta.url, 'local')),
})
