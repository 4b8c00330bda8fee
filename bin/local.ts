// Before the rest is imported, which takes a second: to stop meanwhile is an end like any other.
// npm passes Ctrl-C on, and so does the terminal: the second one is not an impatient user's.
const stopped = new Promise<undefined>(resolve => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(undefined))
})
const start = await Promise.race([import('../lib/start.ts'), stopped])
if (!start) process.exit(0)
await start.main(process.env, stopped)
