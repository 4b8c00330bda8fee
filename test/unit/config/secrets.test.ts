import { describe, expect, it } from 'vitest'
import { parseChecked, warningLine } from '../../../lib/config/load.ts'
import { type Changes, endpoint, pipelineText } from './pipelines.ts'

const warningsOf = (changes: Changes, env: Record<string, string> = {}) =>
  parseChecked(pipelineText(changes), env, 'p.yaml').warnings.map(warningLine)

const READABLE = 'it would be readable in the code of the deployed function'

describe('a value that looks like a secret causes a warning with its line and column:', () => {
  it.each<[string, Changes, Record<string, string>, string]>([
    [
      'a variable in a header',
      endpoint(`url: "https://x/", headers: { X-Custom: "\${OPENAI_API_KEY}" }`),
      { OPENAI_API_KEY: 'hunter2' },
      `p.yaml:12:57: warning: models.text.endpoint.headers.X-Custom has \${OPENAI_API_KEY}, which looks like a secret: ${READABLE}; let auth name a secret of AWS Secrets Manager`,
    ],
    [
      'a variable in a header that usually has a secret, whatever the name of the variable',
      endpoint(`url: "https://x/", headers: { authorization: "Bearer \${X}" }`),
      { X: 'hunter2' },
      `p.yaml:12:62: warning: models.text.endpoint.headers.authorization looks like a secret: ${READABLE}; name a secret of AWS Secrets Manager with auth: { header: authorization, prefix: "", secret: NAME }`,
    ],
    [
      'a variable in a URL',
      endpoint(`url: "https://x/\${DEPLOY_TOKEN}/predict"`),
      { DEPLOY_TOKEN: 'hunter2' },
      `p.yaml:12:22: warning: models.text.endpoint.url has \${DEPLOY_TOKEN}, which looks like a secret: ${READABLE}; let auth name a secret of AWS Secrets Manager`,
    ],
    [
      'a field of the query in a URL',
      endpoint(`url: "https://x/?api_key=\${X}"`),
      { X: 'hunter2' },
      `p.yaml:12:22: warning: models.text.endpoint.url has what looks like a secret in its query: ${READABLE}, and in logs of the endpoint; let auth name a secret of AWS Secrets Manager`,
    ],
    [
      'a variable in a mapping',
      { request: `    request: '{ "prompt": prompt, "key": "\${MODEL_PASSWORD}" }'` },
      { MODEL_PASSWORD: 'hunter2' },
      `p.yaml:13:14: warning: models.text.request has \${MODEL_PASSWORD}, which looks like a secret: ${READABLE}; let auth name a secret of AWS Secrets Manager`,
    ],
    [
      'a value with the well-known form of a key, whatever the name of its variable',
      endpoint(`url: "https://x/", headers: { X-Custom: "\${X}" }`),
      { X: 'sk-hunter2hunter2hunter2' },
      `p.yaml:12:57: warning: models.text.endpoint.headers.X-Custom has \${X}, which looks like a secret: ${READABLE}; let auth name a secret of AWS Secrets Manager`,
    ],
    [
      'a URL with credentials in any other value',
      endpoint(`url: "https://x/", headers: { X-Proxy: "\${X}" }`),
      { X: 'https://user:hunter2@proxy.example.com' },
      `p.yaml:12:56: warning: models.text.endpoint.headers.X-Proxy has \${X}, which looks like a secret: ${READABLE}; let auth name a secret of AWS Secrets Manager`,
    ],
    [
      'the prefix of auth',
      endpoint(`url: "https://x/", auth: { prefix: "\${API_TOKEN}", secret: "\${SECRET_NAME}" }`),
      { API_TOKEN: 'hunter2', SECRET_NAME: 'prod/model' },
      `p.yaml:12:52: warning: models.text.endpoint.auth.prefix has \${API_TOKEN}, which looks like a secret: ${READABLE}; let auth name a secret of AWS Secrets Manager`,
    ],
  ])('there is a warning for %s', (_what, changes, env, expected) => {
    const warnings = warningsOf(changes, env)

    expect(warnings).toEqual([expected])
    expect(warnings.join()).not.toContain('hunter2')
  })

  it('there is a warning for each element of a list that looks like a secret', () => {
    const inputs = { queue: `inputs: [{ queue: "a" }, { queue: "\${QUEUE_KEY}" }]` }

    expect(warningsOf(inputs, { QUEUE_KEY: 'nightly' })).toEqual([
      expect.stringMatching(/^p\.yaml:2:35: warning: inputs\[1\]\.queue has \$\{QUEUE_KEY\}/),
    ])
  })

  it.each<[string, Changes, Record<string, string>]>([
    [
      'a secret that auth names',
      endpoint(`url: "https://x/", auth: { secret: "\${MODEL_KEY}" }`),
      { MODEL_KEY: 'name' },
    ],
    ['an address in a variable', endpoint(`url: "\${MODEL_URL}"`), { MODEL_URL: 'https://x/?size=big' }],
    ['a count of tokens', endpoint(`url: "https://x/", headers: { X-Max: "\${MAX_TOKENS}" }`), { MAX_TOKENS: '100' }],
    ['a variable whose name only contains the letters KEY', endpoint(`url: "https://\${MONKEY}/"`), { MONKEY: 'x' }],
    [
      'headers that usually have no secret',
      endpoint('url: "https://x/", headers: { Idempotency-Key: a, X-Team: search }'),
      {},
    ],
    ['a text that names a variable', { request: `    request: '{ "text": "$\${API_KEY}" }'` }, {}],
  ])('there is no warning for %s', (_what, changes, env) => {
    expect(warningsOf(changes, env)).toEqual([])
  })
})
