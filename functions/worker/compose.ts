import { dynamoModelStates } from '../core/flow-control/dynamodb.ts'
import { createFlowControl } from '../core/flow-control/flow-control.ts'
import { dynamoFailureNotes } from '../core/flow-control/last-failure.ts'
import { httpEndpoint } from '../core/inference/http-endpoint.ts'
import { createJudge } from '../core/inference/judge.ts'
import { createMappings } from '../core/inference/mapping.ts'
import { secretsManager } from '../core/inference/secrets.ts'
import { awsClients } from '../core/platform/aws-clients.ts'
import { systemClock, systemSleep } from '../core/platform/clock.ts'
import { randomIds } from '../core/platform/ids.ts'
import { systemRandom } from '../core/platform/random.ts'
import { type Telemetry, telemetry } from '../core/platform/telemetry.ts'
import { type ComposedQueue, composeQueue } from '../core/queue/compose.ts'
import { lazyS3Payloads } from '../core/stores/payloads/lazy-s3.ts'
import { dynamoQuota } from '../core/stores/quota/dynamodb.ts'
import { dynamoItems } from '../core/stores/requests/dynamodb.ts'
import type { Env } from './env.ts'
import { createIsolation } from './isolation.ts'
import { createPassOn } from './pass-on.ts'
import type { WorkerPorts } from './ports.ts'
import { reportCircuitChanges } from './report-circuit-changes.ts'
import type { Settings } from './settings.ts'
import { callSpans } from './trace-call.ts'

export function compose(
  env: Env,
  settings: Settings,
  clients = awsClients(),
): WorkerPorts & Telemetry & { readonly queue: ComposedQueue } {
  const { logger, metrics, tracing } = telemetry(env, { model: settings.model })
  const store = dynamoModelStates(clients.dynamoDb, env.MODELS_TABLE)
  const notes = dynamoFailureNotes(clients.dynamoDb, env.MODELS_TABLE)
  const onChange = reportCircuitChanges({ logger, metrics, settings })
  const system = { clock: systemClock, sleep: systemSleep, ids: randomIds, random: systemRandom }
  return {
    items: dynamoItems(clients.dynamoDb, env.REQUESTS_TABLE),
    quota: dynamoQuota(clients.dynamoDb, env.QUOTA_TABLE),
    queue: composeQueue(env, clients, tracing),
    payloads: lazyS3Payloads(env.PAYLOADS_BUCKET),
    flowControl: createFlowControl({ ...system, store, notes, onChange }, settings.model, settings),
    endpoint: httpEndpoint(settings.endpoint, secretsManager(systemClock), {
      onFurtherCall: () => metrics.add('ModelCalls', 1),
      traceparent: () => tracing.current().traceparent,
    }),
    judge: createJudge({ ...settings, has_secret: hasSecret(settings) }, systemClock),
    mappings: createMappings(settings),
    passOn: settings.openai && createPassOn(settings.openai),
    ...system,
    settings,
    logger,
    metrics,
    tracing,
    isolation:
      env.AWS_LAMBDA_MAX_CONCURRENCY === undefined
        ? undefined
        : createIsolation(systemSleep, settings.endpoint.timeout_ms),
    startCallSpan: callSpans(tracing, settings),
  }
}

const hasSecret = ({ endpoint: { auth } }: Settings): boolean => auth !== undefined && 'secret' in auth
