/**
 * The names of attributes, by the semantic conventions of OpenTelemetry 1.45.0. They are fixed here, because later
 * conventions may change the names for messaging and `gen_ai`, and the searches of users would then find nothing.
 */
export const SCHEMA_URL = 'https://opentelemetry.io/schemas/1.45.0'

export const ERROR_TYPE = 'error.type'

export const HTTP_REQUEST_METHOD = 'http.request.method'
export const HTTP_RESPONSE_STATUS_CODE = 'http.response.status_code'
export const HTTP_ROUTE = 'http.route'
export const SERVER_ADDRESS = 'server.address'
export const SERVER_PORT = 'server.port'
export const URL_PATH = 'url.path'
export const URL_SCHEME = 'url.scheme'

export const MESSAGING_DESTINATION_NAME = 'messaging.destination.name'
export const MESSAGING_MESSAGE_ID = 'messaging.message.id'
export const MESSAGING_OPERATION_NAME = 'messaging.operation.name'
export const MESSAGING_OPERATION_TYPE = 'messaging.operation.type'
export const MESSAGING_SYSTEM = 'messaging.system'

export const GEN_AI_OPERATION_NAME = 'gen_ai.operation.name'
export const GEN_AI_PROVIDER_NAME = 'gen_ai.provider.name'
export const GEN_AI_REQUEST_MODEL = 'gen_ai.request.model'
export const GEN_AI_USAGE_INPUT_TOKENS = 'gen_ai.usage.input_tokens'
export const GEN_AI_USAGE_OUTPUT_TOKENS = 'gen_ai.usage.output_tokens'

export const SERVICE_NAME = 'service.name'
export const SERVICE_NAMESPACE = 'service.namespace'

/** Sluice's own names, for attributes that the conventions do not have. */
export const REQUEST_ID = 'sluice.request_id'
export const MODEL = 'sluice.model'
export const PRIORITY = 'sluice.priority'
export const ATTEMPT = 'sluice.attempt'
/** The status of the request after the work of the span. */
export const STATUS = 'sluice.status'
/** The delay of the message in its queue, in seconds. */
export const DELAY_SECONDS = 'sluice.delay_seconds'
/**
 * Why the message was sent again instead of processed: the flow control's reason, the code of the failure that is
 * retried, `item missing` if the message came before the request's item, or `claim refused`.
 */
export const DEFERRED_BY = 'sluice.deferred_by'
/** The number of requests in a call to the model. */
export const BATCH_SIZE = 'sluice.batch_size'
/** The limit that has refused a request. */
export const REFUSED_BY = 'sluice.refused_by'
/** How often the queue has delivered the message. */
export const RECEIVE_COUNT = 'sluice.receive_count'
