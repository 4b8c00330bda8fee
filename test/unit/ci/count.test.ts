import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'

/** Runs `.ci/count.ts` on a test report with one test: the test of an outage of Postgres, which has this status. */
function countOutageTest(status: 'passed' | 'skipped') {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-count-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'ledger-outage.json')
  const numPassedTests = status === 'passed' ? 1 : 0
  const assertionResults = [{ fullName: 'a Postgres that stops and comes back is five lines', status }]
  writeFileSync(
    path,
    JSON.stringify({ success: true, numPassedTests, numFailedTests: 0, testResults: [{ assertionResults }] }),
  )
  const { status: code, stdout } = spawnSync(process.execPath, ['.ci/count.ts', path], { encoding: 'utf8' })
  return { code, lines: stdout.trimEnd().split('\n') }
}

const OF_OUTAGE = 'no test passed in ledger-outage.json of: a Postgres that stops and comes back'

it('.ci/count.ts fails if a test that must run was skipped', () => {
  const { code, lines } = countOutageTest('skipped')

  expect(code).toBe(1)
  expect(lines).toContain(OF_OUTAGE)
})

it('.ci/count.ts counts a test that must run if the test has passed', () => {
  const { lines } = countOutageTest('passed')

  expect(lines).not.toContain(OF_OUTAGE)
  expect(lines.at(-1)).toMatch(/^1 passed, /)
})

it('.ci/count.ts fails if a test report is missing', () => {
  const { code, lines } = countOutageTest('passed')

  expect(code).toBe(1)
  expect(lines).toContain('otlp.json is not counted')
})
