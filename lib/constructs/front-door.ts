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
 * The number of 5xx answers in five minutes from which the alarm starts. A single 503 starts no alarm, because the
 * client retries its call.
 */
const MAX_SERVER_ERRORS = 5

/** A limit of API Gateway. `rate`: calls per second. `burst`: calls that are accepted at once after a time with few calls. */
interface Throttle {
  readonly rate: number
  readonly burst: number
}

/**
 * The throttle of each route. API Gateway limits each route by itself. By default, it also limits all APIs of an
 * account together to 10,000 calls per second and 5,000 simultaneous calls. So the limits of all routes together must
 * leave a part of the account's limits to its other APIs, even if this API gets far too many calls. They leave at least
 * two fifths of both limits. A test computes the sums.
 *
 * Calls with invalid keys and calls with valid keys share the limit of their route, because API Gateway can't
 * distinguish them before the authorizer has checked the keys. So during a flood of calls with invalid keys, calls with
 * valid keys are refused, too. docs/cloudfront.md shows how AWS WAF can limit calls with invalid keys earlier.
 */
const THROTTLES: Readonly<Partial<Record<RouteKey | typeof NO_ROUTE, Throttle>>> = {
  // These routes get most calls of a busy deployment: clients post requests, and read results.
  'POST /v1/inference': { rate: 1_500, burst: 700 },
  'GET /v1/inference/{request_id}': { rate: 1_500, burst: 700 },
  'POST /v1/chat/completions': { rate: 800, burst: 400 },
  'POST /v1/responses': { rate: 400, burst: 200 },
  'GET /v1/responses/{request_id}': { rate: 400, burst: 200 },
  'POST /v1/embeddings': { rate: 300, burst: 150 },
  // The paths of the Benthos pipeline that Sluice has replaced, for clients that still use them (docs/from-benthos.md).
  'POST /generate': { rate: 250, burst: 100 },
  'POST /api/v1/inference': { rate: 250, burst: 100 },
  // These routes need no API key, so anybody can call them. The limit is many times the number of calls that monitors
  // make. One environment of the reader can answer more calls than the limit allows, so these calls can't overload the
  // reader.
  'GET /healthz': { rate: 20, burst: 50 },
  'GET /openapi.json': { rate: 20, burst: 50 },
  [NO_ROUTE]: { rate: 20, burst: 50 },
}

/**
 * The throttle of each route that is not in THROTTLES, such as the list of requests and the quota. Mostly people call
 * these routes, and not programs, so few calls are enough.
 */
const THROTTLE: Throttle = { rate: 50, burst: 25 }

/**
 * One permission for the whole API, and not one per route. Otherwise the stack could exceed CloudFormation's limit of
 * resources per stack.
 */
const ONE_PERMISSION = { scopePermissionToRoute: false }

const REFUSED_CALLS: MetricName = 'RefusedCalls'

/**
 * The number of refused calls in five minutes from which the alarm starts. It is ten calls per second. A few clients
 * with a revoked key make fewer calls. The limit is still so low that the refused calls cost little before the alarm.
 */
const MAX_REFUSED_CALLS = 3_000

/**
 * The fields of the access log. The log has no values of headers, because headers contain API keys. It has no paths,
 * because a client may put a secret into a path.
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
    // CORS is off, so web pages can't call the API. A page that calls the API would contain an API key, and every
    // visitor could read this key.
    this.api = new HttpApi(this, 'Api', { apiName: props.apiName, createDefaultStage: false })
    const accessLog = this.#stage(this.#routes(props))
    this.#watchRefusedCalls(accessLog, props)
    this.#watchThrottles(props)
    props.alarms.add(this, 'ServerErrorsAlarm', {
      metric: this.api.metricServerError({ period: ALARM_PERIOD, statistic: 'Sum' }),
      threshold: MAX_SERVER_ERRORS,
      description: `Clients get answers with a status of 5xx. The alarm starts at ${MAX_SERVER_ERRORS} in 5 minutes, because clients repeat a single failed call.`,
      runbook: 'clients-get-5xx',
    })
  }

  /**
   * Adds one alarm for the three functions that a client waits for. All three use the account's limit of concurrent
   * executions. So one remedy, a higher limit, helps for all of them.
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
        'Clients get answers with a status of 5xx, because the account has no free concurrent execution for the authorizer, the gateway or the reader. A single such call starts the alarm.',
      runbook: 'the-api-is-throttled',
    })
  }

  /**
   * Counts the answers 401 and 403 in the access log. API Gateway itself has only one metric for all 4xx answers, which
   * also counts, for example, each request over a quota.
   */
  #watchRefusedCalls(accessLog: LogGroup, { alarms, apiName, namespace }: FrontDoorProps): void {
    const filter = accessLog.addMetricFilter('RefusedCalls', {
      // The status is compared as a text, because the log's format writes all values as texts.
      filterPattern: FilterPattern.any(
        FilterPattern.stringValue('$.status', '=', '401'),
        FilterPattern.stringValue('$.status', '=', '403'),
      ),
      metricNamespace: namespace,
      // The name contains the API's name, because several deployments may share a namespace. A metric filter can't add
      // the deployment as a dimension. With the same name, the counts of all these deployments would be added up.
      metricName: `${REFUSED_CALLS}-${apiName}`,
    })
    alarms.add(this, 'RefusedCallsAlarm', {
      metric: filter.metric({ period: ALARM_PERIOD, statistic: 'Sum' }),
      threshold: MAX_REFUSED_CALLS,
      description: `The API gets very many calls without a valid key: at least ${MAX_REFUSED_CALLS} in 5 minutes. They use the limits of calls and the executions that other clients need, and each made-up key costs a read.`,
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
    // API Gateway refuses the settings of a route that does not exist yet. So CloudFormation must create the routes before the stage.
    stage.node.addDependency(...routes)
    return logGroup
  }

  /** Returns all routes. */
  #routes(props: FrontDoorProps): HttpRoute[] {
    const gateway = new HttpLambdaIntegration('Gateway', props.gateway, ONE_PERMISSION)
    const reader = new HttpLambdaIntegration('Reader', props.reader, ONE_PERMISSION)
    const authorizer = new HttpLambdaAuthorizer('ApiKeys', props.authorizer, {
      responseTypes: [HttpLambdaResponseType.SIMPLE],
      // A client sends its key in one of two headers. API Gateway refuses a call that lacks any of the authorizer's
      // identity sources. So the authorizer has no identity source, and API Gateway asks the authorizer for each call.
      // The authorizer itself caches keys (docs/adr/0045).
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
