#!/usr/bin/env node
import '../lib/node-20.ts'
import { main } from '../lib/cli/main.ts'
import { projectFolder } from '../lib/cli/project.ts'
import { moduleBeside } from '../lib/local/module-beside.ts'

const { stdin, stdout, stderr, env } = process

const stop = new AbortController()

// A program that reads the output, such as `head`, may close the pipe early. This is not an error. A command that prints
// until Ctrl-C then ends as after Ctrl-C. Other commands do their work to the end.
for (const output of [stdout, stderr])
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    stop.abort()
  })

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: stdin, output: stderr })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}

function interrupted(): AbortSignal {
  process.on('SIGINT', () => stop.abort())
  return stop.signal
}

async function start(): Promise<void> {
  const { runLocal } = await import('../lib/run-local.ts')
  // The system reads pipeline.yaml and its data in the folder where it runs, so it runs in the project's folder. A path
  // in the environment is relative to the folder of the shell, so with such a path the folder is not changed.
  if (!env.SLUICE_CONFIG && !env.SLUICE_DATA) process.chdir(projectFolder(process.cwd()))
  await runLocal(moduleBeside(import.meta.url, 'local'))
}

process.exitCode = await main(process.argv.slice(2), {
  env,
  cwd: process.cwd(),
  // If NO_COLOR is set to any value, the user wants no colours: https://no-color.org
  colour: stdout.isTTY && !env.NO_COLOR && env.TERM !== 'dumb',
  width: stdout.isTTY ? Math.max(80, stdout.columns) : undefined,
  out: text => stdout.write(text),
  err: text => stderr.write(text),
  ...(stdin.isTTY ? { ask } : { readInput: async () => (await import('node:stream/consumers')).text(stdin) }),
  interrupted,
  start,
})
