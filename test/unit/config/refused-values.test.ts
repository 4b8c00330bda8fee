import { describe, expect, it } from 'vitest'
import { type Changes, endpoint, lines, pipelineText, plan, refusal } from './pipelines.ts'

describe('a wrong value in a pipeline file is reported with its line and column:', () => {
  it.each<[string, Changes, string]>([
    ['a misspelt key', { queue: 'queeu: {}' }, 'p.yaml:2:1: the pipeline has no key "queeu"; did you mean "queue"?'],
    [
      'a key that resembles no other key',
      { queue: 'queue: { zzz: 1 }' },
      'p.yaml:2:10: queue has no key "zzz"; its keys are backend, expire_after, rabbitmq',
    ],
    [
      'a bad name',
      { name: 'name: 1st' },
      'p.yaml:1:7: name must be a name of letters, digits and -, starting with a letter, up to 24 characters, not "1st"',
    ],
    [
      'an input whose name leaves no room for its dead-letter queue',
      { queue: `inputs: [{ queue: ${'n'.repeat(77)} }]` },
      'p.yaml:2:19: inputs[0].queue must be a name of letters, digits, - and _, up to 76 characters',
    ],
    [
      'a duration without unit',
      { queue: 'queue: { expire_after: 30 }' },
      'p.yaml:2:24: queue.expire_after must be a duration from 1m to 13d, such as 6h, not 30',
    ],
    [
      'a duration with an unknown unit',
      { queue: 'queue: { expire_after: 3w }' },
      'p.yaml:2:24: queue.expire_after must be a duration from 1m to 13d, such as 6h, not "3w"',
    ],
    [
      'a duration too long',
      { queue: 'queue: { expire_after: 14d }' },
      'p.yaml:2:24: queue.expire_after must be a duration from 1m to 13d, such as 6h, not "14d"',
    ],
    [
      'a timeout over 14 minutes',
      endpoint('url: "http://x/", timeout: 15m'),
      'p.yaml:12:44: models.text.endpoint.timeout must be a duration from 1s to 14m, such as 60s, not "15m"',
    ],
    [
      'a version without quotes, which YAML reads as a number',
      { queue: 'queue: { backend: rabbitmq, rabbitmq: { version: 4.2 } }' },
      'p.yaml:2:50: queue.rabbitmq.version must be one of 4.2, 4.3 (put quotes around it), not 4.2',
    ],
    [
      'a number that is none of the options',
      { queue: 'queue: { backend: rabbitmq, rabbitmq: { version: 4.5 } }' },
      'p.yaml:2:50: queue.rabbitmq.version must be one of 4.2, 4.3, not 4.5',
    ],
    [
      'a name of digits without quotes',
      { extra: '    model: 4' },
      'p.yaml:15:12: models.text.model must be the name of the model at its endpoint, without spaces (put quotes around it), not 4',
    ],
    [
      'a word that is none of the options',
      { window: 'quotas:\n  window: week' },
      'p.yaml:4:11: quotas.window must be one of day, hour, not "week"',
    ],
    [
      'a text in place of a number',
      plan('requests: ten, tokens: 1, in_flight: 1, priorities: [high]'),
      'p.yaml:7:23: quotas.plans.free.requests must be a whole number from 1 to 1,000,000,000, not "ten"',
    ],
    [
      'a fraction',
      plan('requests: 1.5, tokens: 1, in_flight: 1, priorities: [high]'),
      'p.yaml:7:23: quotas.plans.free.requests must be a whole number from 1 to 1,000,000,000, not 1.5',
    ],
    [
      'a limit of zero',
      plan('requests: 1, tokens: 0, in_flight: 1, priorities: [high]'),
      'p.yaml:7:34: quotas.plans.free.tokens must be a whole number from 1 to 1,000,000,000,000, not 0',
    ],
    [
      'a limit that is too large, reported once',
      plan('requests: 1, tokens: 1e30, in_flight: 1, priorities: [high]'),
      'p.yaml:7:34: quotas.plans.free.tokens must be a whole number from 1 to 1,000,000,000,000, not 1e+30',
    ],
    [
      'a limit of infinity',
      plan('requests: 1, tokens: .inf, in_flight: 1, priorities: [high]'),
      'p.yaml:7:34: quotas.plans.free.tokens must be a whole number from 1 to 1,000,000,000,000, not Infinity',
    ],
    ...['600', '"5/d"', '"1.5/s"', '"600 / m"', '"-1/s"'].map((rate): [string, Changes, string] => [
      `a rate of ${rate}`,
      plan(`requests: 1, tokens: 1, in_flight: 1, priorities: [high], rate: ${rate}`),
      `p.yaml:7:77: quotas.plans.free.rate must be 1 to 1,000,000 calls a second, minute or hour, such as 10/s, 600/m or 5000/h, not ${rate}`,
    ]),
    ...['0/m', '1000001/h'].map((rate): [string, Changes, string] => [
      `a rate of ${rate}`,
      plan(`requests: 1, tokens: 1, in_flight: 1, priorities: [high], rate: ${rate}`),
      'p.yaml:7:77: quotas.plans.free.rate must be 1 to 1,000,000 calls a second, minute or hour, such as 10/s, 600/m or 5000/h',
    ]),
    [
      'an additional log field whose name log lines already use',
      { queue: 'observability: { fields: { level: high } }' },
      'p.yaml:2:28: observability.fields has the key "level", which is a field of log lines already',
    ],
    [
      'an additional log field with the character U+0000, which no environment variable can hold',
      { queue: 'observability: { fields: { a: "b\\0" } }' },
      'p.yaml:2:31: observability.fields.a must not have U+0000, which no environment variable can hold, not "b\\u0000"',
    ],
    [
      'a missing limit',
      plan('requests: 1, tokens: 1, priorities: [high]'),
      'p.yaml:7:5: quotas.plans.free.in_flight is missing; it must be a whole number from 1 to 100,000',
    ],
    [
      'no priority',
      plan('requests: 1, tokens: 1, in_flight: 1, priorities: []'),
      'p.yaml:7:63: quotas.plans.free.priorities must name at least one priority: high, normal or both',
    ],
    [
      'a priority that occurs twice',
      plan('requests: 1, tokens: 1, in_flight: 1, priorities: [high, high]'),
      'p.yaml:7:63: quotas.plans.free.priorities must name each priority once',
    ],
    [
      'an unknown priority',
      plan('requests: 1, tokens: 1, in_flight: 1, priorities: [low]'),
      'p.yaml:7:64: quotas.plans.free.priorities[0] must be one of high, normal, not "low"',
    ],
    [
      'a plan name with capitals',
      { free: '  plans:\n    Free: { requests: 1, tokens: 1, in_flight: 1, priorities: [high] }' },
      'p.yaml:7:5: quotas.plans has the key "Free", which must be a name of a-z, 0-9 and -, up to 32 characters',
    ],
    [
      'a URL with another scheme than http or https',
      endpoint('url: "ftp://x/"'),
      'p.yaml:12:22: models.text.endpoint.url must be an http or https URL, such as http://127.0.0.1:8081/predict, not "ftp://x/"',
    ],
    [
      'credentials in a URL',
      endpoint('url: "http://u:p@x/"'),
      'p.yaml:12:22: models.text.endpoint.url must have no credentials in it; use auth',
    ],
    [
      'an invalid name of a header',
      endpoint('url: "http://x/", headers: { "a b": c }'),
      'p.yaml:12:46: models.text.endpoint.headers has the key "a b", which must be the name of an HTTP header, such as X-Team',
    ],
    [
      'a header that the HTTP client sets itself',
      endpoint('url: "http://x/", headers: { Host: x }'),
      'p.yaml:12:46: models.text.endpoint.headers has the key "Host", which must not be a header that HTTP itself sets',
    ],
    [
      'an auth.header that the HTTP client sets itself',
      endpoint('url: "http://x/", auth: { header: connection, secret: K }'),
      'p.yaml:12:51: models.text.endpoint.auth.header must not be a header that HTTP itself sets',
    ],
    [
      'a header value with a line break',
      endpoint('url: "http://x/", headers: { a: "b\\nc" }'),
      'p.yaml:12:49: models.text.endpoint.headers.a must be the value of an HTTP header: one line of Latin-1 text, not "b\\nc"',
    ],
    [
      'auth without secret',
      endpoint('url: "http://x/", auth: { header: X-Key }'),
      'p.yaml:12:35: models.text.endpoint.auth.secret is missing; it must be the name of a secret in AWS Secrets Manager',
    ],
    [
      'a required key with a typo, reported once',
      endpoint('url: "http://x/", auth: { secrte: K }'),
      'p.yaml:12:43: models.text.endpoint.auth has no key "secrte"; did you mean "secret"?',
    ],
    [
      'an unknown key of auth, and a missing one',
      endpoint('url: "http://x/", auth: { colour: K }'),
      lines(
        'p.yaml:12:35: models.text.endpoint.auth.secret is missing; it must be the name of a secret in AWS Secrets Manager',
        'p.yaml:12:43: models.text.endpoint.auth has no key "colour"; its keys are header, prefix, secret, field',
      ),
    ],
    [
      'a sigv4 service that is named like its host',
      endpoint('url: "http://x/", auth: { sigv4: bedrock-runtime }'),
      'p.yaml:12:50: models.text.endpoint.auth.sigv4 must be bedrock, the name with which its calls are signed, not bedrock-runtime',
    ],
    [
      'a sigv4 service that is no name',
      endpoint('url: "http://x/", auth: { sigv4: true }'),
      'p.yaml:12:50: models.text.endpoint.auth.sigv4 must be the name of an AWS service, such as sagemaker, not true',
    ],
    [
      'a circuit that opens after more failures than the model’s item can hold',
      { extra: '    circuit: { failures: 101 }' },
      'p.yaml:15:26: models.text.circuit.failures must be a whole number from 1 to 100, not 101',
    ],
    [
      'a concurrency of zero',
      { extra: '    concurrency: 0' },
      'p.yaml:15:18: models.text.concurrency must be a whole number from 1 to 10,000, not 0',
    ],
    [
      'a concurrency that can’t be split evenly into invocations and calls',
      { extra: '    concurrency: { high: 1009 }' },
      "p.yaml:15:26: models.text.concurrency.high can't be shared evenly by the workers; the nearest that can is 1008",
    ],
    [
      'an empty section',
      { request: '    request:' },
      'p.yaml:13:13: models.text.request must be a JSONata expression, not empty',
    ],
    ['a list for a mapping', { queue: 'queue: []' }, 'p.yaml:2:8: queue must be a mapping of keys to values'],
    [
      'a metrics namespace that is reserved for AWS',
      { extra: 'observability: { namespace: AWS/X }' },
      'p.yaml:15:29: observability.namespace must be a CloudWatch namespace of letters, digits and ._/#-, not starting with AWS/, not "AWS/X"',
    ],
    [
      'no route',
      { routing: 'routing: []' },
      'p.yaml:8:10: routing must have at least the default route, such as [{ model: text }]',
    ],
  ])('the file is refused, with the line and column of the mistake: %s', (_name, changes, expected) => {
    expect(refusal(pipelineText(changes))).toBe(expected)
  })
})
