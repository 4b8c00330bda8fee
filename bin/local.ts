// The signal handlers come before the import of the system, which takes a second: a signal during that time also stops
// it properly. One Ctrl-C arrives twice, from the terminal and from npm. So a second signal does not mean that the user
// wants to kill the system.
const stopped = new Promise<undefined>(resolve => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(undefined))
})
const start = await Promise.race([import('../lib/start.ts'), stopped])
if (!start) process.exit(0)
await start.main(process.env, stopped)
