import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** The part of vitest's JSON report that this script reads. */
interface Report {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly FileResult[]
}

interface FileResult {
  /** The path of the file of tests. */
  readonly name: string
  readonly status: string
  /** The error of a file that failed outside of its tests, such as in an import. */
  readonly message: string
  readonly assertionResults: readonly Result[]
}

interface Result {
  readonly fullName: string
  /** A test that is skipped has a result, too: its status is then `skipped`. */
  readonly status: string
  /** Each error of a failed test, with its stack. */
  readonly failureMessages?: readonly string[]
}

/**
 * The reports of `.ci/run`. For each report: words from the names of tests that must have passed. Most of these tests
 * skip themselves if the server that they need is missing. Without this list, nobody would notice that they were
 * skipped.
 */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  'test.json': ['npm start', 'version 0.1.0 reads the requests'],
  'e2e.json': [
    'histories on RabbitMQ, which redelivers whole batches',
    'catches: ',
    'catches on RabbitMQ: ',
    '200 posts at once',
    'is refused costs nothing',
  ],
  'security.json': ["another user's request in any state", 'text with a meaning in SQL'],
  'lambda.json': ['on Lambda’s runtime client a posted', 'as on managed instances invocations'],
  'prometheus.json': ['a real Prometheus that reads', 'promtool'],
  'package.json': ['the npm package'],
  'console.json': ['a busy system', 'the console refuses'],
  'contract.json': ['quota on DynamoDB Local', 'items on DynamoDB Local', 'ledger on PostgreSQL'],
  'first-request.json': ['with DATABASE_URL the whole request is in that Postgres'],
  'ledger-outage.json': ['a Postgres that stops and comes back'],
  'otlp.json': ['OpenTelemetry’s own definitions read each span', 'own definitions read each kind of metric'],
  'rabbitmq-contract.json': ['queue on RabbitMQ', 'with a broker at AMQP_URL a batch of RabbitMQ'],
  'rabbitmq-e2e.json': [
    'a system on RabbitMQ',
    'a system whose queue backend is changed',
    'the old pipeline on RabbitMQ',
    'the reasons that defer their calls',
    'is refused costs nothing',
  ],
  'rabbitmq-chaos.json': ['although its threads are killed all the time'],
}

/** Returns the problems of the report at a path: one sentence per test that must have passed and has not. */
function missingIn(path: string, { testResults }: Report): string[] {
  const passed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'passed')
    .map(({ fullName }) => fullName)
  return (NEEDED[basename(path)] ?? [])
    .filter(needed => !passed.some(name => name.includes(needed)))
    .map(needed => `no test passed in ${basename(path)} of: ${needed}`)
}

/** Returns one line per failed test, and per file that failed outside of its tests, with the first line of the error. */
function failedIn(path: string, { testResults }: Report): string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter(result => result.status === 'failed')
    const errors = failed.map(({ fullName, failureMessages }) => [fullName, failureMessages?.[0]])
    if (status === 'failed' && failed.length === 0) errors.push([basename(name), message])
    return errors.map(([test, error]) => `failed in ${basename(path)}: ${test}: ${error?.split('\n')[0]}`)
  })
}

const paths = process.argv.slice(2)
const found = paths
  .filter(path => existsSync(path))
  .map((path): readonly [string, Report] => [path, JSON.parse(readFileSync(path, 'utf8'))])
const reports = found.map(([, report]) => report)
const given = new Set(paths.map(path => basename(path)))
const problems = [
  ...Object.keys(NEEDED)
    .filter(name => !given.has(name))
    .map(name => `${name} is not counted`),
  ...[...given].filter(name => !(name in NEEDED)).map(name => `${name} names no test that must have passed`),
  ...paths.filter(path => !existsSync(path)).map(path => `the run of ${basename(path)} ended before its first test`),
  ...reports.filter(r => !r.success && r.numFailedTests === 0).map(() => 'a run failed outside of its tests'),
  ...found.flatMap(([path, report]) => missingIn(path, report)),
]
const sum = (of: (report: Report) => number) => reports.reduce((total, report) => total + of(report), 0)
const passed = sum(report => report.numPassedTests)
const failed = sum(report => report.numFailedTests) + problems.length

// The log of a run is long, and may be cut: failed tests are named at its end, too.
for (const line of found.flatMap(([path, report]) => failedIn(path, report))) process.stdout.write(`${line}\n`)
for (const problem of problems) process.stdout.write(`${problem}\n`)
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
