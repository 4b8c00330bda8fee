import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, describe, expect, test } from 'vitest'
import { authorizationOf } from '../../lib/local/trust/access-key.ts'
import { jsonOfSluice, runSluice } from '../e2e/support/sluice.ts'
import { startRefused, startSystem } from '../e2e/support/system.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-trust-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const under = (mask: string) => ['sh', '-c', `umask ${mask}; exec "$0" bin/local.ts`, process.execPath] as const

function* everythingIn(path: string): Generator<string> {
  yield path
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) yield* everythingIn(join(path, name))
}
const openToOthers = (path: string): string[] =>
  [...everythingIn(path)].filter(found => (lstatSync(found).mode & 0o077) !== 0)

describe('the data folder', () => {
  test.each(['000', '022'])('only the owner can read the data folder with the umask %s', async mask => {
    const data = join(folder, mask)
    const system = await startSystem({ SLUICE_DATA: data }, under(mask))
    try {
      expect((await system.client(system.demoKey).post({ prompt: 'hello' }, { prefer: 'wait=10' })).status).toBe(200)
      expect(openToOthers(data)).toEqual([])
    } finally {
      await system.stop()
    }
  })

  test('only the owner can read the data folder after a start, even if all users could read and write it before', async () => {
    const data = join(folder, 'old')
    mkdirSync(join(data, 'logs'), { recursive: true })
    for (const name of ['custom-resources.json', join('logs', 'Gateway.log')]) writeFileSync(join(data, name), '{}')
    for (const path of everythingIn(data)) chmodSync(path, lstatSync(path).isDirectory() ? 0o777 : 0o666)

    const system = await startSystem({ SLUICE_DATA: data }, under('000'))
    try {
      expect(openToOthers(data)).toEqual([])
    } finally {
      await system.stop()
    }
  })
})

test('npm start does not print characters that change the direction of text', async () => {
  const { code, out, err } = await startRefused({ SLUICE_CONFIG: '/nowhere/\u202elmay.\u2066enilepip' })

  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain('/nowhere/\ufffdlmay.\ufffdenilepip')
  expect(err).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/)
})

/** The ports on which a process listens. On Linux, every user of the machine can read this list. */
function listeningPorts(pid: number): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return [] // the file was closed in the meantime
      }
    }),
  )
  const Listening = '0A'
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === Listening && inode !== undefined && sockets.has(inode))
    .map(([, local = '']) => Number.parseInt(local.split(':')[1] ?? '', 16))
}

test.skipIf(!existsSync('/proc/net/tcp'))(
  'no server of npm start reveals an environment variable of its process, even to a caller with the access key id',
  async () => {
    const system = await startSystem({ GITHUB_TOKEN: 'ghp_of_the_developer' })
    try {
      const { localJson, process } = system
      const headers = {
        authorization: authorizationOf(localJson.accessKeyId),
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'secretsmanager.GetSecretValue',
      }
      const ask = (port: number, SecretId: string) =>
        fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: JSON.stringify({ SecretId }) })
      const ports = listeningPorts(process.pid ?? 0)
      expect(ports.length).toBeGreaterThanOrEqual(5)

      const answers: string[] = []
      for (const port of ports)
        for (const id of ['GITHUB_TOKEN', 'github-token', 'github/token', 'HOME'])
          answers.push(await (await ask(port, id)).text())

      expect(answers.filter(answer => answer.includes('ResourceNotFoundException')).length).toBeGreaterThanOrEqual(4)
      expect(answers.join()).not.toContain('ghp_of_the_developer')
      expect(answers.join()).not.toContain('SecretString')
    } finally {
      await system.stop()
    }
  },
)

test('the output of sluice env directs an AWS tool to the local system, even if the user has another AWS profile', async () => {
  const system = await startSystem({})
  try {
    const { code, out } = await runSluice(system, 'env')
    const mine = { AWS_PROFILE: 'mine', AWS_SESSION_TOKEN: 'mine', AWS_ACCESS_KEY_ID: 'AKIAMINE' }
    const printed = execFileSync('sh', ['-c', `${out} env`], { env: mine, encoding: 'utf8' })
    const evaluated = Object.fromEntries(
      printed.split('\n').map(line => [line.split('=')[0], line.split('=').slice(1).join('=')]),
    )
    const credentials = {
      accessKeyId: evaluated.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: evaluated.AWS_SECRET_ACCESS_KEY ?? '',
    }
    const common = { region: evaluated.AWS_REGION ?? '', credentials }
    const sqs = new SQSClient({ ...common, endpoint: evaluated.AWS_ENDPOINT_URL_SQS ?? '' })
    const dynamodb = new DynamoDBClient({ ...common, endpoint: evaluated.AWS_ENDPOINT_URL_DYNAMODB ?? '' })

    expect(code).toBe(0)
    expect(evaluated).not.toHaveProperty('AWS_PROFILE')
    expect(evaluated).not.toHaveProperty('AWS_SESSION_TOKEN')
    const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand())
    expect(QueueUrls).toContain(`${system.localJson.endpoints.sqs}/000000000000/sluice-results`)
    expect((await dynamodb.send(new ListTablesCommand())).TableNames?.length).toBeGreaterThan(3)
    expect(await jsonOfSluice(system, 'env')).toMatchObject({
      AWS_ACCESS_KEY_ID: system.localJson.accessKeyId,
      AWS_ENDPOINT_URL_S3: system.localJson.endpoints.s3,
      AWS_ENDPOINT_URL_RDS_DATA: system.localJson.endpoints.rds_data,
      AWS_PROFILE: null,
    })
  } finally {
    await system.stop()
  }
})
