import type { DocumentedAnswer } from './answers/answer.ts'
import { DOCUMENTED_ANSWERS } from './answers/index.ts'
import { PROFILES, PROVIDERS, type Provider } from './index.ts'
import type { Profile } from './profile.ts'

const INTRODUCTION = `# Providers

<!-- Generated from lib/config/providers by \`npm run generate\`. -->

\`provider\` in a model of pipeline.yaml names the kind of the model's endpoint. Sluice then uses the profile of this provider: its mappings,
header of the secret, and rules for errors.

    models:
      text:
        provider: openai
        endpoint: { url: https://api.openai.com/v1, auth: { secret: OPENAI_API_KEY } }
        model: gpt-5-mini

- **A key in your file replaces the same key of the profile.** The profile gives each key that the file leaves out, also inside \`endpoint\` and \`retry\`.
  \`npx sluice config check\` checks the complete result.
- **\`endpoint.url\`** is the base of the API, or any of its paths: \`https://api.openai.com\`, \`…/v1\` and \`…/v1/chat/completions\` have the same effect. If the
  file has its own \`request\`, Sluice does not change a path of the API.
- **\`model\`** is the name of the model at the endpoint. The default is the model's name in pipeline.yaml.
- **\`endpoint.auth\`** is still needed for a secret, because the profile has only the header, and not the name of the secret.
- **The estimate** of a request with a list of \`messages\` counts their texts, 1,000 tokens per picture or file, and the highest limit of the output
  (\`max_tokens\`, \`max_completion_tokens\` or \`max_output_tokens\`) times \`n\`. Requests without \`messages\` have the usual estimate (twice the tokens of the prompt, or the tokens of the prompt plus the limit of the output).
- \`batch\` can't be used with these APIs, because it needs an endpoint with calls of the form \`inputs\` and \`outputs\`.

Each section lists a provider's answers, and their effect on the request: **result** (the request completes), **retry** (another attempt, up to \`retry.attempts\`),
**drop** (the request fails at once), or **halt** (the model is halted, and the call does not count as an attempt). The
conditions are evaluated in the order halt, drop, retry. If no condition is true, the status decides: other 5xx, 408, 409, 425 and 429 are retried, and other 4xx are
dropped. A test checks each of these answers: a local server sends the answer to Sluice.

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
    `The profile:\n\n\`\`\`yaml\n${keysOf(profile)}\`\`\``,
    `The answers of the API:\n\n| status | answer | effect |\n|---|---|---|\n${DOCUMENTED_ANSWERS[name].map(row).join('\n')}`,
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
