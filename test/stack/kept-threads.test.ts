import { readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MessageChannel, Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { CACHE } from '../../lib/installation.ts'
import { keptThreads } from '../../lib/kept-threads.ts'
import { openCaller } from '../../lib/local/emulators/calls.ts'
import { firstFile } from '../../lib/local/module-beside.ts'

const here = import.meta.url

it('the local system compiles the entry files of its threads only once for the same sources', async () => {
  for (const name of readdirSync(CACHE))
    if (name.startsWith('threads-')) rmSync(join(CACHE, name), { recursive: true, force: true })

  const [first, second] = [await keptThreads(), await keptThreads()]

  expect(second).toEqual(first)
  const files = readdirSync(fileURLToPath(first ?? '')).sort()
  expect(files).toEqual(['boot.mjs', 'dynamodb.mjs', 'make-postgres.mjs', 'rds-data.mjs', 'sqs-s3.mjs', 'thread.mjs'])
})

it('the compiled entry file of an emulator finds its packages, and the emulator answers', async () => {
  const threads = await keptThreads()
  const worker = new Worker(firstFile(threads, here, 'dynamodb'), { workerData: { accessKeyId: 'id' } })
  const ready = await new Promise(resolve => worker.once('message', resolve))
  const { port1, port2 } = new MessageChannel()
  worker.postMessage({ connect: port2 }, [port2])

  const answer = await openCaller(port1).call('ListTables', '{}')

  expect(ready).toMatchObject({ ready: { port: expect.any(Number) } })
  expect(answer).toEqual({ status: 200, body: '{"TableNames":[]}' })
  await worker.terminate()
})

it('if the compiled entry files were deleted, the local system starts its threads from the source files', async () => {
  const threads = await keptThreads()
  const gone = new URL('gone/', threads)

  expect(basename(firstFile(threads, here, 'boot').pathname)).toBe('boot.mjs')
  expect(firstFile(gone, here, 'boot')).toEqual(new URL('./boot.ts', here))
  expect(firstFile(undefined, here, 'boot')).toEqual(new URL('./boot.ts', here))
})
