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
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import { FilterPattern, LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { NO_ROUTE, type OpenRouteKey, ROUTES, type RouteKey } from '../../functions/core/http/routes.ts'
import type { MetricName } from '../../functions/core/platform/metrics/definitions.ts'
import { ALARM_PERIOD, type Alarms } from './alarms.ts'

/**
 * The number of server errors in five minutes that is an alarm. The client retries a single 503, so this is no alarm.
 */
const MAX_SERVER_ERRORS = 5

/** `rate`: calls per second. `burst`: simultaneous calls after a pause. */
interface Throttle {
  readonly rate: number
  readonly burst: number
}

/**
 * The throttle of each route. API Gateway limits each route by itself. By default, it also limits all APIs of an
 * account together to 10,000 calls per second and 5,000 simultaneous calls. So the sum over all routes is important: it
 * leaves at least two fifths of both limits to the account's other APIs, also if this API gets far too many calls. A
 * test computes this sum. Calls with invalid keys and calls with valid keys share the limit of their route, because API
 * Gateway can't distinguish them before the authorizer has checked the keys (docs/cloudfront.md names what can).
 */
const THROTTLES: Readonly<Partial<Record<RouteKey | typeof NO_ROUTE, Throttle>>> = {
  // The routes that the clients of a busy deployment call all the time: they post, and read the end.
  'POST /v1/inference': { rate: 1_500, burst: 700 },
  'GET /v1/inference/{request_id}': { rate: 1_500, burst: 700 },
  'POST /v1/chat/completions': { rate: 800, burst: 400 },
  'POST /v1/responses': { rate: 400, burst: 200 },
  'GET /v1/responses/{request_id}': { rate: 400, burst: 200 },
  'POST /v1/embeddings': { rate: 300, burst: 150 },
  // Clients of the old pipeline.
  'POST /generate': { rate: 250, burst: 100 },
  'POST /api/v1/inference': { rate: 250, burst: 100 },
  // Routes without a key: the limit is many times the calls of monitors, and less than one instance of the reader can
  // answer.
  'GET /healthz': { rate: 20, burst: 50 },
  'GET /openapi.json': { rate: 20, burst: 50 },
  [NO_ROUTE]: { rate: 20, burst: 50 },
}

/** The throttle of each route that is not in the table, such as the list and the quota. People call these routes, so calls are rare. */
const THROTTLE: Throttle = { rate: 50, burst: 25 }

/** One permission for the whole API, and not one per route, because CloudFormation limits the number of resources. */
const ONE_PERMISSION = { scopePermissionToRoute: false }

const REFUSED_CALLS: MetricName = 'RefusedCalls'

/**
 * The number of refused calls in five minutes that is an alarm: ten per second. A few clients with an old key make
 * fewer calls, and this number still costs little.
 */
const MAX_REFUSED_CALLS = 3_000

/**
 * The fields of the access log. It has no values of headers, because these contain keys, and no path, because it may
 * contain anything.
 */
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

/** The routes that need no key, each with the reason. */
const OPEN_ROUTES: Readonly<Record<OpenRouteKey | typeof NO_ROUTE, { readonly id: string; readonly reason: string }>> =
  {
    'GET /healthz': {
      id: 'Health',
      reason: 'Load balancers and monitors have no key; it says that the API answers, and nothing else.',
    },
    'GET /openapi.json': {
      id: 'OpenApi',
      reason: 'Tools read the description of the API before they have a key; it is the same for all deployments.',
    },
    [NO_ROUTE]: {
      id: 'CatchAll',
      reason: 'Says 404 or 405 to what is no route; it reads nothing, and an unknown path is no secret.',
    },
  }

export interface FrontDoorProps {
  readonly alarms: Alarms
  readonly apiName: string
  /** The namespace of CloudWatch metrics. */
  readonly namespace: string
  readonly authorizer: IFunction
  readonly gateway: IFunction
  readonly reader: IFunction
}

/** The HTTP API: the function and the access of each path. */
export class FrontDoor extends Construct {
  readonly api: HttpApi

  constructor(scope: Construct, id: string, props: FrontDoorProps) {
    super(scope, id)
    // There is no CORS, because everybody could read a key in a web page.
    this.api = new HttpApi(this, 'Api', { apiName: props.apiName, createDefaultStage: false })
    const accessLog = this.#stage(this.#routes(props))
    this.#watchRefusedCalls(accessLog, props)
    this.#watchThrottles(props)
    props.alarms.add(this, 'ServerErrorsAlarm', {
      metric: this.api.metricServerError({ period: ALARM_PERIOD, statistic: 'Sum' }),
      threshold: MAX_SERVER_ERRORS,
      description: `Clients get 5xx. From ${MAX_SERVER_ERRORS} in 5 minutes: a single one is retried by its client.`,
      runbook: 'clients-get-5xx',
    })
  }

  /**
   * Adds one alarm for the three functions that a client waits for. They share the executions of the account, so the
   * remedy is the same.
   */
  #watchThrottles({ alarms, authorizer, gateway, reader }: FrontDoorProps): void {
    alarms.add(this, 'ThrottlesAlarm', {
      metric: new MathExpression({
        expression: 'FILL(authorizer, 0) + FILL(gateway, 0) + FILL(reader, 0)',
        usingMetrics: {
          authorizer: authorizer.metricThrottles(),
          gateway: gateway.metricThrottles(),
          reader: reader.metricThrottles(),
        },
        period: ALARM_PERIOD,
        label: 'throttled',
      }),
      threshold: 1,
      description:
        'Clients get 5xx, because the account has no free concurrent execution for the authorizer, the gateway or the reader. From 1: each of these calls has failed.',
      runbook: 'the-api-is-throttled',
    })
  }

  /**
   * Counts the answers 401 and 403 in the access log, because only the access log has all of them. API Gateway has only
   * one metric for all 4xx. The authorizer sees neither a call without a key nor a call whose refused key is cached.
   */
  #watchRefusedCalls(accessLog: LogGroup, { alarms, apiName, namespace }: FrontDoorProps): void {
    const filter = accessLog.addMetricFilter('RefusedCalls', {
      // A status is a text there, like all values that the log's format takes from API Gateway.
      filterPattern: FilterPattern.any(
        FilterPattern.stringValue('$.status', '=', '401'),
        FilterPattern.stringValue('$.status', '=', '403'),
      ),
      metricNamespace: namespace,
      // A filter can't set a dimension, and deployments may share a namespace.
      metricName: `${REFUSED_CALLS}-${apiName}`,
    })
    alarms.add(this, 'RefusedCallsAlarm', {
      metric: filter.metric({ period: ALARM_PERIOD, statistic: 'Sum' }),
      threshold: MAX_REFUSED_CALLS,
      description: `Calls without a valid key flood the API. From ${MAX_REFUSED_CALLS} in 5 minutes: they take the place of others, and each made-up key is looked up.`,
      runbook: 'calls-without-a-valid-key',
    })
  }

  /** Returns the access log. */
  #stage(routes: readonly HttpRoute[]): LogGroup {
    const logGroup = new LogGroup(this, 'AccessLog', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    })
    const stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      autoDeploy: true,
      throttle: { rateLimit: THROTTLE.rate, burstLimit: THROTTLE.burst },
      accessLogSettings: { destination: new LogGroupLogDestination(logGroup), format: ACCESS_LOG },
    })
    const resource = stage.node.defaultChild as CfnStage
    resource.routeSettings = Object.fromEntries(
      Object.entries(THROTTLES).map(([route, { rate, burst }]) => [
        route,
        { ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst },
      ]),
    )
    // API Gateway refuses settings of a route that isn't there yet.
    stage.node.addDependency(...routes)
    return logGroup
  }

  /** Returns all routes. */
  #routes(props: FrontDoorProps): HttpRoute[] {
    const gateway = new HttpLambdaIntegration('Gateway', props.gateway, ONE_PERMISSION)
    const reader = new HttpLambdaIntegration('Reader', props.reader, ONE_PERMISSION)
    const authorizer = new HttpLambdaAuthorizer('ApiKeys', props.authorizer, {
      responseTypes: [HttpLambdaResponseType.SIMPLE],
      // A key comes in one of two headers, and API Gateway demands all identity sources of an authorizer. So it has no
      // identity source, and API Gateway calls it for each call. It caches keys itself (docs/adr/0045).
      identitySource: [],
      resultsCacheTtl: Duration.seconds(0),
    })
    const integrations = { gateway, reader }
    const open = (key: keyof typeof OPEN_ROUTES, routeKey: HttpRouteKey, integration: HttpLambdaIntegration) => {
      const { id, reason } = OPEN_ROUTES[key]
      const route = new HttpRoute(this, id, { httpApi: this.api, routeKey, integration })
      Validations.of(route).acknowledge({ id: 'AwsSolutions-APIG4', reason })
      return route
    }
    const routes = ROUTES.flatMap(route => {
      const integration = integrations[route.function]
      const { path } = route
      const method = HttpMethod[route.method]
      return route.needs_key
        ? this.api.addRoutes({ path, methods: [method], integration, authorizer })
        : open(`${route.method} ${route.path}`, HttpRouteKey.with(path, method), integration)
    })
    return [...routes, open(NO_ROUTE, HttpRouteKey.DEFAULT, reader)]
  }
}
