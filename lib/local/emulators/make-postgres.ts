// Makes an empty database in its own thread. The thread then ends and frees its memory, which is hundreds of megabytes.
import { workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { keepFilesPrivate } from './private-files.ts'

keepFilesPrivate()
const database = await PGlite.create(String(workerData))
await database.close()
// PGlite sets the exit code to that of its own program.
process.exit(0)
