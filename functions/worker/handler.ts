import type { Context } from 'aws-lambda'
import { lambdaHandler } from '../core/platform/lambda-handler.ts'
import { readSettings } from '../core/platform/settings.ts'
import { queueHandler } from '../core/queue/queue-handler.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { probeModel } from './probe-model.ts'
import { type Probed, ProbeEvent } from './probe-report.ts'
import { processMessages } from './process-messages.ts'
import { Settings } from './settings.ts'

const settings = readSettings(Settings)
const ports = compose(Env.parse(process.env), settings)
const takeMessages = queueHandler(ports, processMessages)
const probe = lambdaHandler(ports, (_, event: ProbeEvent): Promise<Probed> => probeModel({ ...ports, settings }, event))

type Messages = Parameters<typeof takeMessages>[0]
type Taken = Awaited<ReturnType<typeof takeMessages>>

/** Takes the messages of a queue, or an operator's probe, i.e. an event that asks for one call to test the model. */
export function handler(event: Messages, context: Context): Promise<Taken>
export function handler(event: ProbeEvent, context: Context): Promise<Probed>
export function handler(event: Messages | ProbeEvent, context: Context): Promise<Taken | Probed> {
  return 'probe' in event ? probe(ProbeEvent.parse(event), context) : takeMessages(event, context)
}
