import { existsSync, readFileSync } from 'node:fs'

/** What vitest's JSON reporter writes, as far as it is counted. */
interface Report {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly { readonly assertionResults: readonly { readonly fullName: string }[] }[]
}

/** Suites that a run with servers must have had: one that was skipped unseen would prove nothing. */
const NEEDED = [
  'quota on DynamoDB Local',
  'items on DynamoDB Local',
  'ledger on PostgreSQL',
  'on Lambda’s runtime client',
  'the npm package',
  'queue on RabbitMQ',
  'a system on RabbitMQ',
]

const paths = process.argv.slice(2)
const reports = paths.filter(path => existsSync(path)).map((path): Report => JSON.parse(readFileSync(path, 'utf8')))
const names = reports.flatMap(({ testResults }) =>
  testResults.flatMap(({ assertionResults }) => assertionResults.map(({ fullName }) => fullName)),
)
const problems = [
  ...paths.filter(path => !existsSync(path)).map(() => 'a run ended before its first test'),
  ...reports.filter(r => !r.success && r.numFailedTests === 0).map(() => 'a run failed outside of its tests'),
  ...NEEDED.filter(needed => !names.some(name => name.includes(needed))).map(needed => `no test ran of: ${needed}`),
]
const sum = (of: (report: Report) => number) => reports.reduce((total, report) => total + of(report), 0)
const passed = sum(report => report.numPassedTests)
const failed = sum(report => report.numFailedTests) + problems.length

for (const problem of problems) process.stdout.write(`${problem}\n`)
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
