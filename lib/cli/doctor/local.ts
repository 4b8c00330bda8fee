import { once } from 'node:events'
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import * as z from 'zod'
import type { Environment } from '../../config/interpolate.ts'
import type { Pipeline } from '../../config/schema.ts'
import { secretIn, variableName } from '../../local/aws-endpoint.ts'
import { openDataFolder } from '../../local/data-folder.ts'
import { LocalError } from '../../local/error.ts'
import { refuseOtherKind } from '../../local/filled-with.ts'
import { parseJson } from '../../local/parse-json.ts'
import { openPostgres } from '../../local/rds-data/postgres.ts'
import { adminOf } from '../admin.ts'
import type { LocalSystem } from '../running-locally.ts'
import { localTarget } from '../target.ts'
import type { Surroundings } from '../target-choice.ts'
import { examineBroker } from './broker.ts'
import { attempt, type Check, failed, ok, oneLine, skipped } from './check.ts'
import { type ErrorLine, isError, LOOK_BACK_MS, lastErrorOf } from './last-error.ts'
import { examineMoving } from './moving.ts'
import { secretsOf } from './pipeline.ts'
import { requestThrough } from './request-through.ts'

/** Examines this machine before `npm start`. */
export async function examineMachine(env: Environment, pipeline: Pipeline | undefined): Promise<Check[]> {
  return [
    dataFolder(env),
    await port(env),
    ...(env.DATABASE_URL ? [await database(env.DATABASE_URL)] : []),
    ...(pipeline ? secretsOf(pipeline.models).map(name => variable(name, env)) : []),
  ]
}

function dataFolder(env: Environment): Check {
  const folder = env.SLUICE_DATA || '.sluice'
  if (folder === ':memory:' || !existsSync(folder)) return ok('data folder', `npm start will make ${folder}`)
  try {
    const data = openDataFolder(folder)
    try {
      refuseOtherKind(data, env.DATABASE_URL)
    } finally {
      data.close()
    }
    return ok('data folder', `${folder} can be used`)
  } catch (error) {
    return refused('data folder', error)
  }
}

async function port({ PORT = '8080' }: Environment): Promise<Check> {
  if (PORT === '0') return ok('port', 'npm start will pick a free one')
  const server = createServer()
  try {
    server.listen(Number(PORT), '127.0.0.1')
    await once(server, 'listening')
    return ok('port', `${PORT} is free`)
  } catch (error) {
    const { message } = error as Error
    return failed(
      'port',
      `${PORT} can't be used: ${oneLine(message)}`,
      'stop what listens there, or choose another with PORT',
    )
  } finally {
    server.close()
  }
}

async function database(url: string): Promise<Check> {
  try {
    await (await openPostgres(url)).close()
    return ok('database', 'the Postgres at DATABASE_URL answers')
  } catch (error) {
    return refused('database', error)
  }
}

/** Makes a failed check of a LocalError, whose sentence also says what to do. */
function refused(check: string, error: unknown): Check {
  if (!(error instanceof LocalError)) throw error
  return { check, state: 'failed', found: oneLine(error.message) }
}

function variable(secret: string, env: Environment): Check {
  const check = `secret ${secret}`
  const name = variableName(secret)
  if (secretIn(env, secret) !== undefined) return ok(check, `the variable ${name} is set`)
  return failed(check, 'no variable has it', `set ${name} to the key of the model`)
}

/** Examines the local system while it runs. */
export async function examineRunning(
  system: LocalSystem,
  { env, clock, sleep }: Surroundings,
  { pipeline, now, mayCall }: { pipeline: Pipeline | undefined; now: number; mayCall: boolean },
): Promise<Check[]> {
  const target = localTarget(system)
  const admin = adminOf(target, clock, sleep)
  const stores = await attempt('stores', () => deepHealth(system))
  const broker = await examineBroker(admin)
  const moving = await examineMoving(admin, target.outputs, pipeline)
  const request = mayCall
    ? await attempt('request', () => requestThrough(admin, system.apiUrl))
    : skipped('request', 'no request was sent')
  return [
    stores,
    ...broker,
    ...moving,
    request,
    ...functionErrors(join(resolve(env.SLUICE_DATA || '.sluice'), 'logs'), now),
  ]
}

const Health = z.object({ error: z.string().optional() })
const TIMEOUT_MS = 15_000

async function deepHealth({ apiUrl }: LocalSystem): Promise<Check> {
  const response = await fetch(`${apiUrl}/healthz?deep=1`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  const { error } = Health.parse(await response.json())
  if (response.ok) return ok('stores', 'SQS, DynamoDB, S3 and Postgres answer')
  return failed(
    'stores',
    error ?? `/healthz is answered with ${response.status}`,
    'read the output of npm start; start the Postgres at DATABASE_URL, or start again',
  )
}

function functionErrors(folder: string, now: number): Check[] {
  return readdirSync(folder)
    .filter(file => file.endsWith('.log'))
    .sort()
    .map(file => lastErrorOf(file.replace(/\.log$/, ''), lastErrorIn(join(folder, file), now), now))
}

const Timed = z.object({ timestamp: z.iso.datetime() })

function lastErrorIn(file: string, now: number): ErrorLine | undefined {
  const text = endOf(file)
    .split('\n')
    .findLast(line => line.includes('"ERROR"') && isError(line))
  const at = text === undefined ? undefined : Timed.safeParse(parseJson(text)).data?.timestamp
  if (text === undefined || at === undefined) return undefined
  const line = { at: Date.parse(at), text }
  return now - line.at < LOOK_BACK_MS ? line : undefined
}

/** The most bytes that are read from the end of a log. A log may be too large to be read completely. */
const MOST_BYTES = 4 * 1024 * 1024

function endOf(file: string): string {
  const { size } = statSync(file)
  const length = Math.min(size, MOST_BYTES)
  const buffer = Buffer.alloc(length)
  const opened = openSync(file, 'r')
  try {
    return buffer.toString('utf8', 0, readSync(opened, buffer, 0, length, size - length))
  } finally {
    closeSync(opened)
  }
}
