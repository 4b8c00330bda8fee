import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { setUser } from '../../lib/cli/operations/users.ts'
import { startOpenAiEndpoint } from '../e2e/support/openai-endpoint.ts'
import { fixture, startSystem } from '../e2e/support/system.ts'
import { installSchemathesis } from './install.ts'

/*
 * Tests a whole system against its OpenAPI document: `npm run schemathesis -- [--minutes N] [--seed S]`. Schemathesis calls every operation
 * with valid and invalid parameters and bodies. No answer may be a 500 or differ from the document. For each finding, it prints a curl line
 * that repeats the call.
 */

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
})
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new Error(`--minutes must be a number over 0, not ${values.minutes}`)

/** The checks that schemathesis makes for each answer. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
]
const MUCH = 1_000_000_000

const command = await installSchemathesis()
// Schemathesis stores failing examples in its current folder.
const folder = mkdtempSync(join(tmpdir(), 'sluice-schemathesis-'))
const endpoint = await startOpenAiEndpoint()
const system = await startSystem({ SLUICE_CONFIG: fixture('openai.yaml'), OPENAI_URL: endpoint.url })
try {
  const user = 'schemathesis'
  await setUser(system.admin, user, { requests: MUCH, tokens: MUCH })
  const { created } = await createKey(system.admin, { user })
  const child = spawn(
    command,
    [
      ...['run', `${system.apiUrl}/openapi.json`, '--url', system.apiUrl, '--checks', CHECKS.join(',')],
      ...['--header', `Authorization: Bearer ${created.key}`, '--workers', '1', '--continue-on-failure'],
      ...['--phases', 'examples,coverage,fuzzing,stateful', '--max-time', String(Math.ceil(60 * minutes))],
      ...['--max-examples', '1000000', '--suppress-health-check', 'all', '--warnings', 'off', '--no-color'],
      // A call may take 25 s, because it may wait for the end of a request.
      ...['--request-timeout', '60'],
      ...(values.seed === undefined ? [] : ['--seed', values.seed]),
    ],
    { cwd: folder, stdio: 'inherit' },
  )
  const [code] = await once(child, 'exit')
  process.exitCode = code === 0 ? 0 : 1
} finally {
  await system.stop()
  endpoint.close()
  rmSync(folder, { recursive: true })
}
