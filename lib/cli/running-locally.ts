import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { AWS_FILE, AwsFile } from '../local/trust/aws-file.ts'
import { dataFolder, type Place } from './project.ts'
import { Refusal } from './refusal.ts'

/** The local.json that the local system writes into its data folder while it runs. */
const LocalSystem = z.object({
  apiUrl: z.url(),
  pid: z.int().positive(),
  outputs: z.record(z.string(), z.string()),
  endpoints: z.object({ sqs: z.url(), dynamodb: z.url(), s3: z.url(), rds_data: z.url() }),
})
export interface LocalSystem extends z.infer<typeof LocalSystem>, AwsFile {
  /** The data folder, which has the logs. */
  readonly folder: string
}

/** The fields of local.json that every version of Sluice writes. */
const Running = LocalSystem.pick({ pid: true })

/**
 * Returns the local system that runs with the data folder `SLUICE_DATA`, or with the data folder of the project. Throws
 * `Refusal` if no local system runs.
 */
export function runningLocally(place: Place): LocalSystem {
  const folder = dataFolder(place)
  if (folder === ':memory:')
    throw new Refusal(
      'with SLUICE_DATA=:memory: the data folder has no name: set SLUICE_DATA to the folder that npm start printed',
    )
  const file = read(join(folder, 'local.json'))
  const running = Running.safeParse(file).data
  // A system that was killed leaves its local.json behind. So the file alone does not show that the system runs.
  if (!running || !isAlive(running.pid))
    throw new Refusal(
      `no local system runs with the data folder ${folder} (SLUICE_DATA names another): start it with npm start, or name a deployed one with --target aws --stack NAME`,
    )
  const system = LocalSystem.safeParse(file).data
  const aws = AwsFile.safeParse(read(join(folder, AWS_FILE))).data
  if (!system || !aws)
    throw new Refusal(
      `the local system with the data folder ${folder} runs another version of Sluice: stop it, and start it again with npm start`,
    )
  return { ...system, ...aws, folder }
}

function read(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: the process exists, but belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
