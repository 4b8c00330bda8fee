import { describe, expect, it } from 'vitest'
import { Env as AuthorizerEnv } from '../../functions/authorizer/env.ts'
import { Env as CollectorEnv } from '../../functions/collector/env.ts'
import { NO_ROUTE, noRoute, ROUTES } from '../../functions/core/http/routes.ts'
import { Env as GatewayEnv } from '../../functions/gateway/env.ts'
import { Settings as GatewaySettings } from '../../functions/gateway/settings.ts'
import { Env as MigratorEnv } from '../../functions/migrator/env.ts'
import { Env as ReaderEnv } from '../../functions/reader/env.ts'
import { Settings as ReaderSettings } from '../../functions/reader/settings.ts'
import { Env as SweeperEnv } from '../../functions/sweeper/env.ts'
import { Settings as SweeperSettings } from '../../functions/sweeper/settings.ts'
import { Env as WorkerEnv } from '../../functions/worker/env.ts'
import { Settings as WorkerSettings } from '../../functions/worker/settings.ts'
import { createRouter } from '../../lib/local/http-api/routes.ts'
import { functionOf, mappingOf, ofType, only, queueOf, render, requiredOf, variablesOf } from './queries.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

const { template, settings } = synthesizeText(PIPELINE)

describe('the API', () => {
  const api = only(template, 'AWS::ApiGatewayV2::Api')
  const authorizer = only(template, 'AWS::ApiGatewayV2::Authorizer')

  const integrationOf = (route: Record<string, unknown>) => {
    const id = render(route.Target).replace(/^integrations\/<(.*)>$/, '$1')
    const found = ofType(template, 'AWS::ApiGatewayV2::Integration').find(integration => integration.id.startsWith(id))
    return found?.Properties ?? {}
  }

  it.each([
    ['POST /v1/inference', 'gateway', true],
    ['POST /generate', 'gateway', true],
    ['POST /api/v1/inference', 'gateway', true],
    ['GET /v1/inference', 'reader', true],
    ['GET /v1/inference/{request_id}', 'reader', true],
    ['DELETE /v1/inference/{request_id}', 'reader', true],
    ['GET /v1/quota', 'reader', true],
    ['POST /v1/chat/completions', 'gateway', true],
    ['POST /v1/completions', 'gateway', true],
    ['POST /v1/embeddings', 'gateway', true],
    ['POST /v1/responses', 'gateway', true],
    ['GET /v1/models', 'reader', true],
    ['GET /v1/models/{model}', 'reader', true],
    ['GET /v1/chat/completions/{request_id}', 'reader', true],
    ['GET /v1/responses/{request_id}', 'reader', true],
    ['POST /v1/responses/{request_id}/cancel', 'reader', true],
    ['DELETE /v1/responses/{request_id}', 'reader', true],
    ['GET /openapi.json', 'reader', false],
    ['GET /healthz', 'reader', false],
    ['$default', 'reader', false],
  ])('API Gateway passes a call of %s to the %s', (routeKey, service, needsKey) => {
    const { Properties: route } = only(template, 'AWS::ApiGatewayV2::Route', { RouteKey: routeKey })
    const integration = integrationOf(route)
    expect(integration.IntegrationUri).toEqual({ 'Fn::GetAtt': [functionOf(template, service).id, 'Arn'] })
    expect(integration.PayloadFormatVersion).toBe('2.0')
    expect(route.AuthorizationType).toBe(needsKey ? 'CUSTOM' : 'NONE')
    expect(route.AuthorizerId).toEqual(needsKey ? { Ref: authorizer.id } : undefined)
  })

  it('the API has only the routes of this test', () => {
    expect(ofType(template, 'AWS::ApiGatewayV2::Route')).toHaveLength(20)
  })

  const routesOfTemplate = () =>
    ofType(template, 'AWS::ApiGatewayV2::Route').map(({ Properties: route }) => ({
      key: String(route.RouteKey),
      target: {
        integration: integrationOf(route).IntegrationUri,
        needs_key: route.AuthorizationType === 'CUSTOM',
      },
    }))

  it('the API has the routes of the table ROUTES, by which the functions find their use cases, and one route for all other calls', () => {
    const targetOf = (service: string, needsKey: boolean) => ({
      integration: { 'Fn::GetAtt': [functionOf(template, service).id, 'Arn'] },
      needs_key: needsKey,
    })
    const expected = ROUTES.map(route => ({
      key: `${route.method} ${route.path}`,
      target: targetOf(route.function, route.needs_key),
    }))

    expect(routesOfTemplate()).toEqual(
      expect.arrayContaining([...expected, { key: NO_ROUTE, target: targetOf('reader', false) }]),
    )
    expect(routesOfTemplate()).toHaveLength(expected.length + 1)
  })

  it('the allowed methods in the reader’s 405 for a path are those for which the local API finds a route', () => {
    const route = createRouter(routesOfTemplate())
    const methods = ['DELETE', 'GET', 'PATCH', 'POST', 'PUT']
    const paths = new Set(ROUTES.map(({ path }) => path.replace('{request_id}', 'any-id')))

    for (const path of paths) {
      const routed = methods.filter(method => route(method, path)?.key !== NO_ROUTE)
      expect(noRoute(path)).toMatchObject({ code: 'method_not_allowed', details: { allow: routed } })
    }
    expect(paths.size).toBeGreaterThan(4)
    expect(route('GET', '/nowhere')?.key).toBe(NO_ROUTE)
  })

  const throttles = () => {
    const stage = only(template, 'AWS::ApiGatewayV2::Stage')
    interface Limits {
      ThrottlingRateLimit: number
      ThrottlingBurstLimit: number
    }
    const { DefaultRouteSettings, RouteSettings } = stage.Properties as {
      DefaultRouteSettings: Limits
      RouteSettings: Record<string, Limits>
    }
    const routes = ofType(template, 'AWS::ApiGatewayV2::Route').map(({ id, Properties }) => ({
      id,
      key: String(Properties.RouteKey),
    }))
    return { stage, RouteSettings, routes, of: (key: string) => RouteSettings[key] ?? DefaultRouteSettings }
  }

  it('the API limits the calls of all routes together to 60% of the account’s default limit, so other APIs can use the rest', () => {
    const { routes, of } = throttles()
    const sum = (limit: 'ThrottlingRateLimit' | 'ThrottlingBurstLimit') =>
      routes.reduce((total, { key }) => total + of(key)[limit], 0)

    expect(sum('ThrottlingRateLimit')).toBeLessThanOrEqual(0.6 * 10_000)
    expect(sum('ThrottlingBurstLimit')).toBeLessThanOrEqual(0.6 * 5_000)
  })

  it('the API limits the calls of each route: the POST and the GET of a request have the highest limit, routes without a key the lowest', () => {
    const { stage, RouteSettings, routes, of } = throttles()
    const open = { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 50 }
    const most = { ThrottlingRateLimit: 1_500, ThrottlingBurstLimit: 700 }

    expect(RouteSettings).toMatchObject({ 'GET /healthz': open, 'GET /openapi.json': open, $default: open })
    expect(RouteSettings).toMatchObject({ 'POST /v1/inference': most, 'GET /v1/inference/{request_id}': most })
    expect(of('GET /v1/quota')).toEqual({ ThrottlingRateLimit: 50, ThrottlingBurstLimit: 25 })
    // API Gateway refuses settings for a route that does not exist. So the stage must be created after its routes.
    expect(routes.map(({ key }) => key)).toEqual(expect.arrayContaining(Object.keys(RouteSettings)))
    expect(stage.DependsOn).toEqual(expect.arrayContaining(routes.map(({ id }) => id)))
  })

  it('the API asks the authorizer about each call and stores no answer, since a key may be in either of two headers', () => {
    expect(authorizer.Properties).toMatchObject({
      AuthorizerType: 'REQUEST',
      IdentitySource: [],
      AuthorizerResultTtlInSeconds: 0,
      EnableSimpleResponses: true,
      AuthorizerPayloadFormatVersion: '2.0',
    })
    expect(JSON.stringify(authorizer.Properties.AuthorizerUri)).toContain(functionOf(template, 'authorizer').id)
  })

  it('no other API may invoke the functions of this API', () => {
    const permissions = ofType(template, 'AWS::Lambda::Permission').filter(
      ({ Properties }) => Properties.Principal === 'apigateway.amazonaws.com',
    )
    expect(permissions).toHaveLength(3)
    for (const { Properties } of permissions) expect(JSON.stringify(Properties.SourceArn)).toContain(api.id)
  })

  it('the only permission to invoke a function that is not for API Gateway is that of the sweeper’s schedule', () => {
    const others = ofType(template, 'AWS::Lambda::Permission').filter(
      ({ Properties }) => Properties.Principal !== 'apigateway.amazonaws.com',
    )
    expect(others.map(({ Properties }) => Properties)).toEqual([
      expect.objectContaining({
        Principal: 'events.amazonaws.com',
        FunctionName: { 'Fn::GetAtt': [functionOf(template, 'sweeper').id, 'Arn'] },
      }),
    ])
  })

  it('the API logs each call without headers or paths, so its log has no API keys', () => {
    const stage = only(template, 'AWS::ApiGatewayV2::Stage').Properties
    const { Format } = stage.AccessLogSettings as { Format: string }
    expect(stage).toMatchObject({ StageName: '$default', AutoDeploy: true })
    expect(JSON.parse(Format)).toMatchObject({ route: '$context.routeKey', status: '$context.status' })
    expect(Format).not.toMatch(/header|\$context\.path|queryString/i)
  })
})

describe('functions', () => {
  it.each([
    ['authorizer', AuthorizerEnv],
    ['gateway', GatewayEnv],
    ['reader', ReaderEnv],
    ['worker-text', WorkerEnv],
    ['worker-image', WorkerEnv],
    ['collector', CollectorEnv],
    ['sweeper', SweeperEnv],
    ['migrator', MigratorEnv],
  ])('get exactly the environment variables that they read: the %s', (service, Env) => {
    const variables = variablesOf(functionOf(template, service))
    expect(Object.keys(variables).sort()).toEqual(requiredOf(Env))
  })

  it('functions get the settings for logs and metrics', () => {
    expect(variablesOf(functionOf(template, 'worker-image'))).toMatchObject({
      POWERTOOLS_SERVICE_NAME: 'Shop-1-worker-image',
      POWERTOOLS_METRICS_NAMESPACE: 'Shop',
      POWERTOOLS_LOG_LEVEL: 'WARN',
      DEPLOYMENT: 'Shop-1',
      LOG_FIELDS: '{"environment":"test"}',
    })
  })

  it.each([
    ['DEBUG', 'DEBUG'],
    ['INFO', 'INFO'],
    ['ERROR', 'INFO'],
  ])(
    'for functions with log level %s, Lambda’s own level is %s, since Lambda must not drop the lines with metrics (level INFO)',
    (logLevel, level) => {
      const { template } = synthesizeText(PIPELINE.replace('log_level: WARN', `log_level: ${logLevel}`))
      const { Properties } = functionOf(template, 'collector')
      expect(Properties.LoggingConfig).toMatchObject({ ApplicationLogLevel: level })
      expect(variablesOf(functionOf(template, 'collector')).POWERTOOLS_LOG_LEVEL).toBe(logLevel)
    },
  )

  it('each function runs on Node 24 and ARM64, and has a log group of its own', () => {
    const functions = ofType(template, 'AWS::Lambda::Function')
    const groups = functions.map(({ Properties }) => JSON.stringify(Properties.LoggingConfig))
    for (const { Properties } of functions) {
      expect(Properties).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'], Handler: 'index.handler' })
      expect(Properties.LoggingConfig).toMatchObject({ LogFormat: 'JSON' })
    }
    expect(new Set(groups).size).toBe(functions.length)
    for (const { Properties } of ofType(template, 'AWS::Logs::LogGroup')) {
      expect(Properties.RetentionInDays).toBeGreaterThanOrEqual(30)
    }
  })

  it('only for workers, Lambda allows messages that return to their own function again and again (RecursiveLoop): retries and deferrals do this', () => {
    const looping = ofType(template, 'AWS::Lambda::Function').filter(fn => fn.Properties.RecursiveLoop === 'Allow')
    expect(looping.map(fn => variablesOf(fn).POWERTOOLS_SERVICE_NAME).sort()).toEqual([
      'Shop-1-worker-image',
      'Shop-1-worker-text',
    ])
  })

  it('the gateway, the reader, the sweeper and the workers have their part of pipeline.yaml in a file beside their code', () => {
    const read = (service: string) => settings(functionOf(template, service).id)
    const plans = {
      free: {
        requests: 100,
        tokens: 10000,
        in_flight: 20,
        priorities: ['normal'],
        shards: 1,
        rate: { count: 30_000, interval_ms: 60_000 },
      },
    }
    const quotas = { window: 'hour', default_plan: 'free', plans }
    expect(GatewaySettings.parse(read('gateway'))).toEqual({
      quotas,
      routing: [{ when: 'model_type = "image"', model: 'image' }, { model: 'text' }],
      models: ['text', 'image'],
      expire_after_ms: 4 * 3_600_000,
      waiting: { per_user: 10, total: 50 },
      // Neither endpoint has the OpenAI API, so no body is passed on. The mappings of both models use only the prompt.
      openai: {
        text: { passes: false, embeddings: false, names: ['prompt'] },
        image: { passes: false, embeddings: false, names: ['prompt'] },
      },
    })
    expect(ReaderSettings.parse(read('reader'))).toEqual({
      quotas,
      waiting: { per_user: 10, total: 50 },
      models: ['text', 'image'],
    })
    expect(WorkerSettings.parse(read('worker-text'))).toMatchObject({
      model: 'text',
      endpoint: { url: 'http://text.example.com/predict', timeout_ms: 60_000, headers: {} },
      request: '{ "model_input": prompt }',
    })
    expect(WorkerSettings.parse(read('worker-image')).endpoint).toEqual({
      url: 'https://image.example.com/',
      timeout_ms: 840_000,
      headers: { 'X-Team': 'shop' },
      auth: { header: 'Authorization', prefix: 'Bearer ', secret: 'prod/IMAGE_KEY' },
    })
    expect(SweeperSettings.parse(read('sweeper'))).toEqual({ models: ['text', 'image'] })
    expect(read('authorizer')).toBeUndefined()
  })
})

describe('waits for the end of a request', () => {
  it('have the limits of pipeline.yaml in the gateway and the reader, and in the template’s metadata for the local system', () => {
    const { template, settings } = synthesizeText(`${PIPELINE}waiting: { per_user: 3, total: 70 }`)
    for (const [service, schema] of [
      ['gateway', GatewaySettings],
      ['reader', ReaderSettings],
    ] as const) {
      const fn = functionOf(template, service)
      expect(schema.parse(settings(fn.id)).waiting).toEqual({ per_user: 3, total: 70 })
      expect(fn).toMatchObject({ Metadata: { 'sluice:waits': 70 } })
    }
  })

  it('a function has a reserved concurrency, which waits may then use, only if pipeline.yaml says so', () => {
    const reservedIn = (text: string) =>
      Object.fromEntries(
        ofType(synthesizeText(text).template, 'AWS::Lambda::Function').flatMap(fn => {
          const reserved = fn.Properties.ReservedConcurrentExecutions
          return reserved === undefined ? [] : [[variablesOf(fn).POWERTOOLS_SERVICE_NAME, reserved]]
        }),
      )
    const reserved = 'reserved_concurrency: { authorizer: 20, gateway: 100, reader: 110, collector: 12 }'

    expect(reservedIn(PIPELINE)).toEqual({})
    expect(reservedIn(`${PIPELINE}${reserved}`)).toEqual({
      'Shop-1-authorizer': 20,
      'Shop-1-gateway': 100,
      'Shop-1-reader': 110,
      'Shop-1-collector': 12,
    })
  })
})

describe('queues', () => {
  it.each([
    ['Shop-1-inference-text-high', 'worker-text', { batch: 2, at_once: 5 }],
    ['Shop-1-inference-text-normal', 'worker-text', { batch: 2, at_once: 5 }],
    ['Shop-1-inference-image-high', 'worker-image', { batch: 8, at_once: 5 }],
    ['Shop-1-inference-image-normal', 'worker-image', { batch: 1, at_once: 7 }],
    ['Shop-1-results', 'collector', { batch: 10, at_once: 10 }],
    ['Shop-1-inference-dlq', 'collector', { batch: 10, at_once: 2 }],
  ])(
    'the messages of %s invoke the %s, which can return single messages of a batch',
    (queueName, service, { batch, at_once }) => {
      const mapping = mappingOf(template, queueName)
      expect(mapping.FunctionName).toEqual({ Ref: functionOf(template, service).id })
      expect(mapping.FunctionResponseTypes).toEqual(['ReportBatchItemFailures'])
      expect(mapping.BatchSize).toBe(batch)
      expect(mapping.ScalingConfig).toEqual({ MaximumConcurrency: at_once })
      expect(mapping.MaximumBatchingWindowInSeconds ?? 0).toBe(0)
    },
  )

  it.each([
    ['Shop-1-inference-text-normal', 'worker-text', 'Shop-1-inference-dlq', 90],
    ['Shop-1-inference-image-high', 'worker-image', 'Shop-1-inference-dlq', 870],
    ['Shop-1-results', 'collector', 'Shop-1-results-dlq', 120],
  ])(
    'the queue %s hides a received message for longer than the %s runs, and moves it after 1,000 receives to %s',
    (name, service, givenUpTo, timeout) => {
      const queue = queueOf(template, name)
      const deadLetters = queueOf(template, givenUpTo)
      expect(functionOf(template, service).Properties.Timeout).toBe(timeout)
      expect(queue.Properties.VisibilityTimeout).toBe(timeout + 30)
      expect(queue.Properties.RedrivePolicy).toEqual({
        deadLetterTargetArn: { 'Fn::GetAtt': [deadLetters.id, 'Arn'] },
        maxReceiveCount: 1000,
      })
    },
  )

  it('if the account has only a few concurrent executions, each queue uses two of them, so some are left for the API', () => {
    const { template: small } = synthesizeText(`${PIPELINE}account_concurrency: 15`)
    const atOnce = (name: string) => mappingOf(small, `Shop-1-${name}`)
    const sizes = ofType(small, 'AWS::Lambda::EventSourceMapping').map(({ Properties }) => Properties.ScalingConfig)

    expect(sizes).toEqual(Array.from({ length: 6 }, () => ({ MaximumConcurrency: 2 })))
    expect(atOnce('inference-text-normal').BatchSize).toBe(5)
    expect(atOnce('inference-image-high').BatchSize).toBe(10)
    expect(atOnce('results').BatchSize).toBe(10)
  })

  it('all queues keep messages for 14 days, encrypted, and accept messages over TLS only', () => {
    const queues = ofType(template, 'AWS::SQS::Queue')
    expect(queues).toHaveLength(7)
    for (const { Properties } of queues) {
      expect(Properties).toMatchObject({ MessageRetentionPeriod: 1_209_600, SqsManagedSseEnabled: true })
    }
    const policies = ofType(template, 'AWS::SQS::QueuePolicy').map(({ Properties }) => JSON.stringify(Properties))
    expect(policies).toHaveLength(7)
    for (const policy of policies) expect(policy).toContain('"aws:SecureTransport":"false"')
  })

  it('functions get the prefix with which the URLs of all queues of the stack begin', () => {
    const prefix = render(variablesOf(functionOf(template, 'gateway')).QUEUE_URL_PREFIX)
    expect(prefix).toBe('https://sqs.<AWS::Region>.<AWS::URLSuffix>/<AWS::AccountId>/Shop-1-')
    expect(render(template.Outputs.QueueUrlPrefix?.Value)).toBe(prefix)
  })

  it('the names of queues have at most 80 characters, even with the longest names that a pipeline may have', () => {
    const model = 'm'.repeat(32)
    const longest = PIPELINE.replaceAll('image', model).replace('Shop-1', 'S'.repeat(24))
    const names = ofType(synthesizeText(longest).template, 'AWS::SQS::Queue').map(
      ({ Properties }) => Properties.QueueName,
    )
    expect(names).toContain(`${'S'.repeat(24)}-inference-${model}-normal`)
    for (const name of names) expect(String(name).length).toBeLessThanOrEqual(80)
  })
})

describe('outputs', () => {
  it('have the values that the operator’s command line reads', () => {
    expect(Object.keys(template.Outputs).sort()).toEqual([
      'AlarmTopicArn',
      'ApiUrl',
      'DashboardUrl',
      'KeysTable',
      'LedgerClusterArn',
      'LedgerDatabase',
      'LedgerSecretArn',
      'MigratorFunction',
      'Models',
      'ModelsTable',
      'PayloadsBucket',
      'Plans',
      'QueueUrlPrefix',
      'QuotaTable',
      'RequestsTable',
      'ResultsQueueUrl',
      'UsersTable',
      'Workers',
    ])
    expect(JSON.parse(render(template.Outputs.Plans?.Value))).toMatchObject({ default_plan: 'free', window: 'hour' })
    expect(render(template.Outputs.ApiUrl?.Value)).toBe('<FrontDoorApi.ApiEndpoint>')
    expect(render(template.Outputs.ResultsQueueUrl?.Value)).toBe('<ResultsWorkQueue>')
  })
})
