import { join } from 'node:path'
import * as z from 'zod'
import type { EmulatorPorts } from '../connect.ts'
import type { DataFolder } from '../data-folder.ts'
import { firstFile } from '../module-beside.ts'
import type { QueueState } from '../observer.ts'
import type { DynamoDbData } from './dynamodb.ts'
import { startEmulator } from './host.ts'
import type { RdsDataData } from './rds-data.ts'
import { END_WAITS } from './sqs-question.ts'
import type { SqsS3Data } from './sqs-s3.ts'

export interface Endpoints {
  sqs: string
  dynamodb: string
  s3: string
  rds_data: string
}

export interface Emulators {
  /** Resolves when all emulators answer. Rejects with the reason of the first emulator that fails. */
  endpoints: Promise<Endpoints>
  /** Returns the states of the queues with these names. Queues that do not exist are left out. While the emulators end, the list is empty. */
  queues(names: readonly string[]): Promise<QueueState[]>
  /** Makes the connections of one more thread to the emulators. */
  connect(): EmulatorPorts
  /** Ends all receives that wait for a message. Later receives do not wait. Event source mappings call this when they stop, so that the stop is quick. */
  endWaits(): Promise<void>
  close(): Promise<void>
}

export interface EmulatorOptions {
  data: DataFolder
  /** Callers must sign with this id. */
  accessKeyId: string
  /** A Postgres to use instead of the embedded one. */
  databaseUrl: string | undefined
  /** The folder in which an empty database may be kept. Later starts copy it into new data folders, because Postgres needs seconds to make a database. */
  kept: string | undefined
  /** A folder with the compiled files that threads run first, so that threads start faster and need less memory (ADR 0057). */
  threads: URL | undefined
  log(line: string): void
}

/** Starts the emulators of all AWS services that have state, at the same time. */
export function startEmulators({ data, accessKeyId, databaseUrl, kept, threads, log }: EmulatorOptions): Emulators {
  log('starting SQS and S3')
  const sqsS3 = startEmulator(moduleOf('sqs-s3'), dataOf('queues') satisfies SqsS3Data, log)
  log('starting DynamoDB')
  const dynamodb = startEmulator(moduleOf('dynamodb'), dataOf('tables') satisfies DynamoDbData, log)
  log(databaseUrl ? 'connecting to the Postgres at DATABASE_URL' : 'starting Postgres')
  const postgres: RdsDataData = {
    ...(databaseUrl ? { accessKeyId, url: databaseUrl } : embedded()),
    secrets: data.path,
  }
  const rdsData = startEmulator(moduleOf('rds-data'), postgres, log)

  function moduleOf(name: 'sqs-s3' | 'dynamodb' | 'rds-data'): URL {
    return firstFile(threads, import.meta.url, name)
  }

  function dataOf(name: string): { accessKeyId: string; folder?: string } {
    const folder = data.stateOf(name)
    return { accessKeyId, ...(folder !== undefined && { folder }) }
  }

  /**
   * The embedded Postgres. If state is not kept, its files are in the temporary data folder, since a database in memory would need memory for each of
   * its files. Then Postgres opens at its first use, so that the start of a template without a database does not wait for Postgres.
   */
  function embedded(): RdsDataData {
    const folder = data.stateOf('postgres')
    const where = folder === undefined ? { folder: join(data.path, 'postgres'), lazy: true } : { folder }
    return { accessKeyId, ...where, ...(kept !== undefined && { kept }) }
  }

  return {
    endpoints: Promise.all([sqsS3.endpoint, dynamodb.endpoint, rdsData.endpoint]).then(([sqs, dynamodb, rdsData]) => ({
      sqs,
      s3: sqs,
      dynamodb,
      rds_data: rdsData,
    })),
    connect: () => ({ DynamoDB: dynamodb.connect(), SQS: sqsS3.connect(), 'RDS Data': rdsData.connect() }),
    queues: async names => QueueStates.catch([]).parse(await sqsS3.ask(names)),
    endWaits: async () => {
      await sqsS3.ask(END_WAITS)
    },
    async close() {
      await Promise.all([sqsS3.close(), dynamodb.close(), rdsData.close()])
    },
  }
}

const QueueStates: z.ZodType<QueueState[]> = z.array(
  z.object({ name: z.string(), waiting: z.number(), oldest_sent_at: z.number().exactOptional() }),
)
