import type { DocumentedAnswer } from './answers/answer.ts'
import { DOCUMENTED_ANSWERS } from './answers/index.ts'
import { PROFILES, PROVIDERS, type Provider } from './index.ts'
import type { Profile } from './profile.ts'

const INTRODUCTION = `# Providers

<!-- Generated from lib/config/providers by \`npm run generate\`. -->

\`provider\` in a model of pipeline.yaml says what kind of endpoint the model has. Sluice then knows how to call it:

    models:
      text:
        provider: openai
        endpoint: { url: https://api.openai.com/v1, auth: { secret: OPENAI_API_KEY } }
        model: gpt-5-mini

- **Keys that are given win.** A profile stands in for each key that the file leaves out, also inside \`endpoint\` and \`retry\`. \`npx sluice config check\`
  checks the whole.
- **\`endpoint.url\`** is the base of the API, or any of its paths: \`https://api.openai.com\`, \`…/v1\` and \`…/v1/chat/completions\` are the same. If the file
  has a \`request\` of its own, a path of the API stays as it is written.
- **\`model\`** is the name by which the endpoint knows the model. The default is the model's name in pipeline.yaml.
- **\`endpoint.auth\`** is still needed for a secret: only the file knows its name. The profile knows the header.
- **The estimate** of a request with a list of \`messages\` counts their texts, 1,000 tokens per picture or file, and the largest bound of the output
  (\`max_tokens\`, \`max_completion_tokens\` or \`max_output_tokens\`) times \`n\`. Other requests have the usual estimate.
- No provider has an API for batches as \`batch\` makes them.

Each section shows what a provider answers, and what becomes of the request: **result** (it completes), **retry** (another attempt, up to \`retry.attempts\`),
**drop** (it fails at once), or **halt** (no request is to blame: the model is not called until somebody has mended it, and no attempt is spent). The
conditions are tried in the order halt, drop, retry; then the statuses decide. Other 5xx, 408, 409, 425 and 429 are retried, other 4xx dropped. A test sends
each of these answers through a socket.

| provider | API | for |
|---|---|---|
${PROVIDERS.map(name => `| [\`${name}\`](#${name}) | ${PROFILES[name].title} | ${PROFILES[name].serves} |`).join('\n')}
`

/** Writes docs/providers.md from the profiles. */
export const providersReference = (): string => [INTRODUCTION, ...PROVIDERS.map(section)].join('\n')

function section(name: Provider): string {
  const profile = PROFILES[name]
  return [
    `## ${name}`,
    `${capitalized(profile.title)}: ${profile.serves}.`,
    profile.notes.map(note => `- ${note}`).join('\n'),
    `What the profile gives:\n\n\`\`\`yaml\n${keysOf(profile)}\`\`\``,
    `What the API answers:\n\n| status | answer | |\n|---|---|---|\n${DOCUMENTED_ANSWERS[name].map(row).join('\n')}`,
    `Sources: ${profile.sources.map(source => `<${source}>`).join(', ')}.`,
    '',
  ].join('\n\n')
}

const row = ({ status, what, means }: DocumentedAnswer): string =>
  `| ${status} | ${what.replaceAll('|', '\\|')} | ${means} |`

function keysOf({ path, endpoint = {}, request, response, estimate, retry }: Profile): string {
  const { headers, auth } = endpoint
  const { backoff_on, drop_on, halt_when, drop_when, backoff_when } = retry
  return [
    'endpoint:',
    `  url: …${path.base}${path.operation}`,
    ...(headers ? [`  headers: ${flow(headers)}`] : []),
    ...(auth ? [`  auth: ${flow(auth)}`] : []),
    block('request', request, 0),
    block('response', response, 0),
    ...(estimate === undefined ? [] : [block('estimate', estimate, 0)]),
    'retry:',
    `  backoff_on: [${backoff_on.join(', ')}]`,
    `  drop_on: [${drop_on.join(', ')}]`,
    ...Object.entries({ halt_when, drop_when, backoff_when }).flatMap(([key, condition]) =>
      condition === undefined ? [] : [block(key, condition, 2)],
    ),
    '',
  ].join('\n')
}

function block(key: string, expression: string, indent: number): string {
  const lines = expression.split('\n').map(line => `${' '.repeat(indent + 2)}${line}`)
  return [`${' '.repeat(indent)}${key}: |`, ...lines].join('\n')
}

const flow = (fields: object): string =>
  `{ ${Object.entries(fields)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join(', ')} }`

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
