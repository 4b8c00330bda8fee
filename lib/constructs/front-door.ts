import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib'
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import {
  type CfnStage,
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

/**
 * Calls of one route a second, and at once after a pause: more than a busy deployment has, and so few that a
 * flood of made-up keys, each of which is looked up, leaves most of the account's calls to other APIs.
 */
const THROTTLE = { rateLimit: 2_000, burstLimit: 2_000 }

/** The same where no key is needed: many times what monitors ask, and less than one instance of the reader answers. */
const OPEN_THROTTLE = { rateLimit: 20, burstLimit: 50 }

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

/** The routes that need no key, and why that is right. */
const OPEN_ROUTES = [
  {
    id: 'Health',
    routeKey: HttpRouteKey.with('/healthz', HttpMethod.GET),
    reason: 'Load balancers and monitors have no key; it says that the API answers, and nothing else.',
  },
  {
    id: 'CatchAll',
    routeKey: HttpRouteKey.DEFAULT,
    reason: 'Says 404 or 405 to what is no route; it reads nothing, and an unknown path is no secret.',
  },
]

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
    this.#stage(this.#routes(props))
    props.alarms.add(this, 'ServerErrorsAlarm', {
      metric: this.api.metricServerError({ period: ALARM_PERIOD, statistic: 'Sum' }),
      threshold: MAX_SERVER_ERRORS,
      description: `Clients get 5xx. From ${MAX_SERVER_ERRORS} in 5 minutes: a single one is retried by its client.`,
      runbook: 'clients-get-5xx',
    })
  }

  #stage(open: readonly HttpRoute[]): void {
    const logGroup = new LogGroup(this, 'AccessLog', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    const stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      autoDeploy: true,
      throttle: THROTTLE,
      accessLogSettings: { destination: new LogGroupLogDestination(logGroup), format: ACCESS_LOG },
    })
    const settings = { ThrottlingRateLimit: OPEN_THROTTLE.rateLimit, ThrottlingBurstLimit: OPEN_THROTTLE.burstLimit }
    const resource = stage.node.defaultChild as CfnStage
    resource.routeSettings = Object.fromEntries(OPEN_ROUTES.map(({ routeKey }) => [routeKey.key, settings]))
    // API Gateway refuses settings of a route that isn't there yet.
    stage.node.addDependency(...open)
  }

  /** Answers with the routes that need no key. */
  #routes(props: FrontDoorProps): HttpRoute[] {
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
    return OPEN_ROUTES.map(({ id, routeKey, reason }) => {
      const route = new HttpRoute(this, id, { httpApi: this.api, routeKey, integration: reader })
      Validations.of(route).acknowledge({ id: 'AwsSolutions-APIG4', reason })
      return route
    })
  }
}
