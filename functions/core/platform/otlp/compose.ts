import type { Logger } from '@aws-lambda-powertools/logger'
import { systemClock } from '../clock.ts'
import { ends, lasts } from '../trouble-state.ts'
import { type OtlpEndpoints, otlpExporter, PAUSE_MS } from './exporter.ts'
import type { Otlp } from './port.ts'
import { postJson, type Sign } from './post-json.ts'

/**
 * AWS's own receivers of OTLP: CloudWatch's for traces (X-Ray) and for metrics. They require a signature for the
 * service in their name.
 */
const AWS_RECEIVER = /^(xray|monitoring)\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/

/**
 * Makes the exporter to these endpoints. It signs its calls if the receiver is AWS's. It logs one line when exports
 * begin to fail, and one when they work again. If `hasFailed` is true, an earlier exporter has already logged that
 * exports fail.
 */
export function composeOtlp(endpoints: OtlpEndpoints, logger: Pick<Logger, 'warn'>, hasFailed = false): Otlp {
  return otlpExporter(endpoints, postJson(signerOf), {
    hasFailed,
    onFailure: reason =>
      logger.warn(`telemetry can't be exported (${reason}); it is tried again every ${PAUSE_MS / 1_000} s`, {
        reason,
        ...lasts('telemetry'),
      }),
    onRecovery: () => logger.warn('telemetry is exported again', { ...ends('telemetry') }),
  })
}

async function signerOf({ hostname }: URL): Promise<Sign | undefined> {
  const [, service] = AWS_RECEIVER.exec(hostname) ?? []
  if (service === undefined) return undefined
  const { sigV4Signer } = await import('../sigv4.ts')
  return sigV4Signer(service, systemClock).sign
}
