import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Admin, adminOf } from '../../../lib/cli/admin.ts'
import { createKey } from '../../../lib/cli/operations/keys.ts'
import { setUser, type UserChanges } from '../../../lib/cli/operations/users.ts'
import { localTarget } from '../../../lib/cli/target.ts'
import { onBackend } from '../../support/queue-backend.ts'
import { type ApiClient, createApiClient } from './api-client.ts'

export const projectFolder = fileURLToPath(new URL('../../..', import.meta.url))
export const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

/** The settings of a test. From the environment of the test, the system gets only PATH and HOME. */
export type Settings = Readonly<Record<string, string>>

export const environment = (settings: Settings): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  HOME: process.env.HOME ?? '',
  PORT: '0',
  SLUICE_DATA: ':memory:',
  ...settings,
})

export interface Output {
  readonly out: string
  readonly err: string
}

/** The content of local.json and aws.json together. */
export interface LocalJson {
  readonly apiUrl: string
  readonly pid: number
  readonly outputs: Record<string, string>
  readonly endpoints: {
    readonly sqs: string
    readonly dynamodb: string
    readonly s3: string
    readonly rds_data: string
  }
  readonly accessKeyId: string
  readonly otherServices: string
}

export interface RunningSystem {
  readonly process: ChildProcess
  readonly apiUrl: string
  readonly demoKey: string
  readonly dataFolder: string
  readonly localJson: LocalJson
  /** The address of its RabbitMQ, with its virtual host. Absent if its queues are on SQS. */
  readonly amqpUrl: string | undefined
  readonly admin: Admin
  /** All answers that the clients of `newUser` and `client` got, as text. */
  readonly answers: readonly string[]
  output(): Output
  /** All log lines of the system's functions so far. */
  functionLogs(): string
  client(key?: string): ApiClient
  /** Creates a user with a key. */
  newUser(changes?: UserChanges): Promise<ApiClient & { readonly user: string }>
  /** Sends the signal of Ctrl-C, and resolves to the exit code. */
  stop(): Promise<number | null>
}

const startCommand = [process.execPath, 'bin/local.ts'] as const

/** Starts the local system in a new process, and resolves when the system says that it is ready. */
export async function startSystem(
  settings: Settings,
  [command, ...argv]: readonly [string, ...string[]] = startCommand,
): Promise<RunningSystem> {
  // The system gets its own process group, so that a signal reaches all of its processes, as Ctrl-C does in a terminal.
  const env = environment(await onBackend(settings))
  const child = spawn(command, argv, { cwd: projectFolder, env, detached: true })
  const abandon = () => interrupt(child, 'SIGKILL')
  process.once('exit', abandon)
  child.once('exit', () => process.off('exit', abandon))
  const output = collectOutput(child)
  await untilReady(child, output)

  const dataFolder = find(output().out, /^data, logs (.+)$/m)
  const parse = (name: string) => JSON.parse(readFileSync(join(dataFolder, name), 'utf8'))
  const localJson: LocalJson = { ...parse('local.json'), ...parse('aws.json') }
  const { apiUrl } = localJson
  const admin = adminOf(localTarget(localJson))
  const answers: string[] = []
  const client = (key?: string) => createApiClient(apiUrl, key, answers)
  return {
    process: child,
    apiUrl,
    demoKey: find(output().out, /(sk_sluice_\w+)/),
    dataFolder,
    localJson,
    amqpUrl: env.AMQP_URL,
    admin,
    answers,
    output,
    functionLogs: () => readAll(join(dataFolder, 'logs')),
    client,
    newUser: async changes => {
      const user = `user-${randomUUID()}`
      await setUser(admin, user, changes ?? {})
      const { created } = await createKey(admin, { user })
      return { user, ...client(created.key) }
    },
    stop: async () => {
      interrupt(child, 'SIGINT')
      return exitCode(child)
    },
  }
}

/** Starts a local system that must refuse to start, and resolves when its process has ended. */
export async function startRefused(settings: Settings): Promise<Output & { readonly code: number | null }> {
  return run(startCommand, settings)
}

/** Runs a command in the project's folder until it ends. */
export async function run(
  [command, ...argv]: readonly [string, ...string[]],
  settings: Settings,
): Promise<Output & { readonly code: number | null }> {
  const child = spawn(command, argv, {
    cwd: projectFolder,
    env: environment(settings),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000, // a command that hangs is killed
  })
  const output = collectOutput(child)
  await once(child, 'close')
  return { ...output(), code: child.exitCode }
}

function collectOutput({ stdout, stderr }: ChildProcess): () => Output {
  let out = ''
  let err = ''
  stdout?.setEncoding('utf8').on('data', chunk => {
    out += chunk
  })
  stderr?.setEncoding('utf8').on('data', chunk => {
    err += chunk
  })
  return () => ({ out, err })
}

async function untilReady(child: ChildProcess, output: () => Output): Promise<void> {
  const isReady = () => /^ready /m.test(output().out)
  const ready = new Promise<void>(resolve => child.stdout?.on('data', () => isReady() && resolve()))
  await Promise.race([ready, once(child, 'exit')])
  if (!isReady()) throw new Error(`the local system has not started: ${output().err}`)
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

function interrupt({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (isGroupAlive(pid)) process.kill(-Number(pid), signal)
}

/** Returns true if a process of the process group `pid` is alive. */
export function isGroupAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(-pid, 0)
  } catch {
    return false
  }
}

function find(text: string, pattern: RegExp): string {
  const [, found] = pattern.exec(text) ?? []
  if (found === undefined) throw new Error(`the local system did not print ${pattern}`)
  return found
}

const readAll = (folder: string): string =>
  readdirSync(folder)
    .map(file => readFileSync(join(folder, file), 'utf8'))
    .join('')
