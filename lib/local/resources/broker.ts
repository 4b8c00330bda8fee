import * as z from 'zod'
import { arn } from '../arn.ts'
import { checkBroker } from '../rabbitmq/broker.ts'
import { created, physicalName, propertiesOf, type ResourceType } from './resource.ts'

const Properties = z.object({
  BrokerName: z.string().optional(),
  EngineType: z.literal('RABBITMQ', { error: 'must be RABBITMQ: the local system uses the RabbitMQ of AMQP_URL' }),
})

/** Every broker of a template is the RabbitMQ of `AMQP_URL`. If this RabbitMQ does not answer, the start fails with a sentence that says what to do. */
export const broker: ResourceType = async (declared, system) => {
  const { BrokerName } = await propertiesOf(declared, Properties)
  await checkBroker(system.brokerUrl)
  const name = BrokerName ?? physicalName(system, declared)
  const resource = created(name, { Arn: arn('mq', `broker:${name}`), Id: name })
  return {
    ref: resource.ref,
    // This address contains the credentials, so the functions need no secret to connect.
    attribute: attribute => (attribute === 'AmqpEndpoints' ? [system.brokerUrl] : resource.attribute(attribute)),
  }
}
