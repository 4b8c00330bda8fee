// The signal handlers are set before the system is imported. The import takes a second, and a signal during that time
// must stop the process properly, too. One Ctrl-C arrives twice, from the terminal and from npm. So a second signal
// does not mean that the user wants to kill the system.
const stopped = new Promise<undefined>(resolve => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(undefined))
})
const start = await Promise.race([import('../lib/start.ts'), stopped])
if (!start) process.exit(0)
await start.main(process.env, stopped)
