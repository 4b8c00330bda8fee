import * as z from 'zod'
import type { Route } from './route.ts'
import { ROUTES } from './routes.ts'

const Fields = z.looseObject({
  properties: z.record(z.string(), z.looseObject({ description: z.string().default('') })).default({}),
  required: z.array(z.string()).default([]),
})
const Described = z.union([z.looseObject({ anyOf: z.array(Fields) }), Fields])

/** Returns the text of docs/operator-api.md. */
export const operatorApiReference = (): string => `# The operator API

<!-- Generated from lib/console/operator-api by \`npm run generate\`. -->

The console calls the operator API. Each operation does the same as a command of the command line, and answers the JSON that the command prints.

- The local system serves this API at \`http://127.0.0.1:8080/console/api\` while \`npm start\` runs.
- \`sluice console\` serves the API on 127.0.0.1 while that command runs. With \`--target aws --stack NAME\`, the API operates a deployed stack with your own AWS credentials.
- No deployed stack has this API: it exists only on your machine.

Each call needs the token that is in the address that \`npm start\` or \`sluice console\` has printed:

    curl localhost:8080/console/api/models -H "Authorization: Bearer $TOKEN"

A token is valid until the process ends. A call with a foreign \`Host\` or \`Origin\` header gets 403 \`foreign_call\`, so pages of other web sites can't use the API. [0044](adr/0044-the-console-has-no-cookie.md) gives the reasons.

Bodies and answers are JSON. Times are ISO 8601. An error has the shape of the client API, \`{ "error", "status": "error", "code" }\`:

| code | HTTP | what happened |
|---|---|---|
| \`invalid_request\` | 400 | The input differs from the description here. \`details\` has a path and a sentence per mistake. |
| \`unauthorized\` | 401 | The token is missing or wrong. |
| \`not_found\` | 404 | There is no such operation. |
| \`method_not_allowed\` | 405 | The operation needs another method. |
| \`refused\` | 409 | The operation was refused. The sentence gives the reason, as on the command line. |
| \`payload_too_large\` | 413 | The body is over 5 MB. |
| \`internal_error\` | 500 | The operation failed because of a defect. |
| \`unavailable\` | 503 | A service can't be reached. Try again. |

${ROUTES.map(sectionOf).join('\n')}`

function sectionOf({ method, path, does, answers, schemas }: Route): string {
  const inputs = [...rowsOf('path', schemas.params), ...rowsOf('query', schemas.query), ...rowsOf('body', schemas.body)]
  const table = inputs.length === 0 ? [] : ['', '| input | in | meaning |', '|---|---|---|', ...inputs]
  return [`## ${method} ${path}`, '', does, '', `Answers: ${answers}`, ...table, ''].join('\n')
}

/** Makes a table row for each field of an object. If the schema has several alternative objects, makes rows for the fields of all of them. */
function rowsOf(where: string, schema: z.ZodType): string[] {
  const described = Described.parse(z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' }))
  const choices = 'anyOf' in described ? z.array(Fields).parse(described.anyOf) : [described]
  return choices.flatMap(({ properties, required }) =>
    Object.entries(properties).map(([name, { description }]) => {
      const isRequired = required.includes(name) && choices.length === 1
      return `| \`${name}\`${isRequired ? '' : ' (optional)'} | ${where} | ${description} |`
    }),
  )
}
