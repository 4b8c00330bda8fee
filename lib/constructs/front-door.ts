import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib'
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import {
  HttpApi,
  HttpMethod,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpLambdaAuthorizer, HttpLambdaResponseType } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { ALARM_PERIOD, type Alarms } from './alarms.ts'

const KEY_HEADER = '$request.header.X-API-Key'

/** A revoked key works no longer than this (contract: 60 s). */
const KEY_CACHE = Duration.seconds(60)

/** In five minutes: a single 503 is retried by its client, and wakes nobody. */
const MAX_SERVER_ERRORS = 5

/** No header values, which hold keys, and no path, which may hold anything. */
const ACCESS_LOG = AccessLogFormat.custom(
  JSON.stringify({
    time: '$context.requestTime',
    request_id: '$context.requestId',
    route: '$context.routeKey',
    status: '$context.status',
    latency_ms: '$context.responseLatency',
    integration_latency_ms: '$context.integrationLatency',
    integration_error: '$context.integrationErrorMessage',
    authorizer_error: '$context.authorizer.error',
    response_bytes: '$context.responseLength',
    source_ip: '$context.identity.sourceIp',
  }),
)

export interface FrontDoorProps {
  readonly alarms: Alarms
  readonly apiName: string
  readonly authorizer: IFunction
  readonly gateway: IFunction
  readonly reader: IFunction
}

/** The HTTP API: which path goes to which function, and who may call it. */
export class FrontDoor extends Construct {
  readonly api: HttpApi

  constructor(scope: Construct, id: string, props: FrontDoorProps) {
    super(scope, id)
    // No CORS: a key in a web page is everybody's key.
    this.api = new HttpApi(this, 'Api', { apiName: props.apiName, createDefaultStage: false })
    this.#stage()
    this.#routes(props)
    props.alarms.add(this, 'ServerErrorsAlarm', {
      metric: this.api.metricServerError({ period: ALARM_PERIOD, statistic: 'Sum' }),
      threshold: MAX_SERVER_ERRORS,
      description: `Clients get 5xx. From ${MAX_SERVER_ERRORS} in 5 minutes: a single one is retried by its client.`,
      runbook: 'clients-get-5xx',
    })
  }

  #stage(): void {
    const logGroup = new LogGroup(this, 'AccessLog', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    new HttpStage(this, 'Stage', {
      httpApi: this.api,
      autoDeploy: true,
      accessLogSettings: { destination: new LogGroupLogDestination(logGroup), format: ACCESS_LOG },
    })
  }

  #routes(props: FrontDoorProps): void {
    const gateway = new HttpLambdaIntegration('Gateway', props.gateway)
    const reader = new HttpLambdaIntegration('Reader', props.reader)
    const authorizer = new HttpLambdaAuthorizer('ApiKeys', props.authorizer, {
      responseTypes: [HttpLambdaResponseType.SIMPLE],
      identitySource: [KEY_HEADER],
      resultsCacheTtl: KEY_CACHE,
    })
    // The first is the API's own; the other two are the old pipeline's.
    for (const path of ['/v1/inference', '/generate', '/api/v1/inference']) {
      this.api.addRoutes({ path, methods: [HttpMethod.POST], integration: gateway, authorizer })
    }
    for (const path of ['/v1/inference', '/v1/inference/{request_id}', '/v1/quota']) {
      this.api.addRoutes({ path, methods: [HttpMethod.GET], integration: reader, authorizer })
    }
    this.api.addRoutes({
      path: '/v1/inference/{request_id}',
      methods: [HttpMethod.DELETE],
      integration: reader,
      authorizer,
    })
    this.#open(
      HttpRouteKey.with('/healthz', HttpMethod.GET),
      'Health',
      reader,
      'Load balancers and monitors have no key; it says that the API answers, and nothing else.',
    )
    this.#open(
      HttpRouteKey.DEFAULT,
      'CatchAll',
      reader,
      'Says 404 or 405 to what is no route; it reads nothing, and an unknown path is no secret.',
    )
  }

  /** A route that needs no key, and why that is right. */
  #open(routeKey: HttpRouteKey, id: string, integration: HttpLambdaIntegration, reason: string): void {
    const route = new HttpRoute(this, id, { httpApi: this.api, routeKey, integration })
    Validations.of(route).acknowledge({ id: 'AwsSolutions-APIG4', reason })
  }
}
