// Makes an empty database in its own thread. The thread then ends and frees its memory, which is hundreds of megabytes.
import { workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { keepFilesPrivate } from './private-files.ts'

keepFilesPrivate()
const database = await PGlite.create(String(workerData))
await database.close()
// PGlite changes the exit code of the thread. The caller takes any code but 0 for a failure.
process.exit(0)
