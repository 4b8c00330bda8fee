import { join } from 'node:path'
import * as z from 'zod'
import { LocalError } from '../error.ts'
import { createFunction } from '../lambda/function.ts'
import { openLogFile } from '../lambda/log-file.ts'
import { isThrottled } from '../lambda/pool.ts'
import type { Declared } from '../stack.ts'
import { created, physicalName, propertiesOf, type ResourceType, refuse, type System } from './resource.ts'

const Properties = z.object({
  FunctionName: z.string().optional(),
  Code: z.object({ S3Key: z.string().optional() }),
  Handler: z.string(),
  Runtime: z.string(),
  Timeout: z.coerce.number().default(3),
  MemorySize: z.coerce.number().default(128),
  ReservedConcurrentExecutions: z.coerce.number().positive().optional(),
  Environment: z.object({ Variables: z.record(z.string(), z.coerce.string()).default({}) }).prefault({}),
  Layers: z.array(z.unknown()).default([]),
})

export const lambdaFunction: ResourceType = async (declared, system) => {
  const properties = await propertiesOf(declared, Properties)
  if (!properties.Runtime.startsWith('nodejs')) refuse(declared, `runtime ${properties.Runtime}`)
  if (properties.Layers.length > 0) refuse(declared, 'Layers')
  if (properties.Code.S3Key === undefined) refuse(declared, 'Code other than an asset')
  const folder = system.assetFolder(properties.Code.S3Key)
  if (!folder) throw new LocalError(`${declared.logicalId}: the assembly has no asset ${properties.Code.S3Key}.`)

  const name = properties.FunctionName ?? physicalName(system, declared)
  const label = labelOf(declared, properties.Environment.Variables)
  const localFunction = createFunction({
    logicalId: declared.logicalId,
    name,
    folder,
    handler: properties.Handler,
    timeoutSeconds: properties.Timeout,
    memoryMb: properties.MemorySize,
    waits: waitsIn(declared),
    reserved: properties.ReservedConcurrentExecutions,
    invocationsPerThread: system.invocationsPerThread,
    environment: {
      ...endpointVariables(system),
      ...withoutExport(properties.Environment.Variables),
      ...telemetryVariables(system),
    },
    threadEnvironment: () => (system.troubles.doExportsFail() ? { OTLP_EXPORTS_FAIL: 'true' } : {}),
    accessKeyId: system.accessKeyId,
    logFile: openLogFile(join(system.data.path, 'logs', `${label}.log`)),
    onMetrics: line => {
      system.metricsFile.append(line)
      system.observer.metrics(line)
    },
    onEnd: result =>
      system.observer.invoked({
        functionName: name,
        service: label,
        ok: result.ok,
        throttled: isThrottled(result),
      }),
    startThread: system.startThread,
    onTrouble: trouble => system.troubles.report(label, trouble),
  })
  system.functions.set(name, localFunction)
  return created(name, { Arn: localFunction.arn })
}

/** Returns the short name of a function, for its log file and the terminal: its service without the name of the deployment. */
const labelOf = ({ logicalId }: Declared, variables: Readonly<Record<string, string>>): string => {
  const { POWERTOOLS_SERVICE_NAME: service = logicalId, DEPLOYMENT: deployment = '' } = variables
  return service.startsWith(`${deployment}-`) ? service.slice(deployment.length + 1) : service
}

/** Removes the variable that lets a function export its metrics. The local system exports the metrics of all functions, so each would be exported twice. */
function withoutExport({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: _, ...variables }: Record<string, string>) {
  return variables
}

/** The metadata key in which the stack stores the number of a function's invocations that may wait for many seconds at the same time. */
const WAITS = 'sluice:waits'
const waitsIn = ({ metadata }: Declared): number =>
  z.coerce
    .number()
    .catch(0)
    .parse(metadata[WAITS] ?? 0)

// In the local system, OTEL_EXPORTER_OTLP_ENDPOINT of the user's environment decides where traces go, and not the template. As OpenTelemetry requires,
// the path is added to this base URL. An empty variable counts as unset, so no traces are exported.
const telemetryVariables = ({ otlpEndpoint }: System): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: otlpEndpoint === undefined ? '' : `${otlpEndpoint.replace(/\/+$/, '')}/v1/traces`,
})

// The AWS SDK finds the emulators by these variables. AWS_ENDPOINT_URL is for all other services. The local system refuses calls of other services, so
// no call leaves this machine.
function endpointVariables({ endpoints, aws }: System): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_S3: endpoints.s3,
    AWS_ENDPOINT_URL_RDS_DATA: endpoints.rds_data,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
    AWS_ENDPOINT_URL: aws.url,
  }
}
