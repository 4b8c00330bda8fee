import type { Operation } from '../core/domain/operation.ts'
import { MappingError } from '../core/inference/mapping.ts'
import type { Reply } from '../core/inference/port.ts'
import type { OpenAiEndpoint } from '../core/openai-format/endpoint.ts'
import { isObject, type Json } from '../core/openai-format/json.ts'
import { passedBody, STAND_INS, translatedBody } from '../core/openai-format/pass.ts'

/** A body of the OpenAI API on its way to an endpoint that has this API. */
export interface Passage {
  /** The operation that the client has called. */
  readonly asked: Operation
  /**
   * The operation of the endpoint that is called: the client's operation, or a substitute if the endpoint lacks that
   * operation.
   */
  readonly called: Operation
  readonly url: string
  readonly body: Json
}

/**
 * Says that a field of a body does not exist in the substitute operation, so the body can't be passed on. The error's
 * message begins with the field's name.
 */
export class UnsupportedField extends MappingError {}

/** Passes bodies of the OpenAI API on to an endpoint, and remembers which operations the endpoint lacks. */
export interface PassOn {
  /**
   * Returns the call for a stored body. If the endpoint is known to lack the client's operation, the call is for a
   * substitute. Throws `UnsupportedField` if the substitute does not have a field of the body.
   */
  to(asked: Operation, stored: Json): Passage
  /**
   * Returns the call of a substitute operation, after the endpoint has answered that it lacks the called operation.
   * Returns undefined if there is no substitute. Throws `UnsupportedField` if the substitute does not have a field of
   * the body.
   */
  standIn(passage: Passage): Passage | undefined
  /**
   * Notes whether the endpoint has an operation. If it lacks the operation, later calls go to the substitute at once.
   */
  note(operation: Operation, isThere: boolean): void
}

export function createPassOn({ model, urls }: OpenAiEndpoint): PassOn {
  const lacking = new Set<Operation>()

  function translated(asked: Operation, called: Operation, body: Json): Passage {
    const { body: other, lost } = translatedBody(asked, body)
    const [first] = lost
    if (!first) return { asked, called, url: urls[called], body: other }
    const places = [...new Set(lost.map(({ place }) => place))].join(', ')
    throw new UnsupportedField(
      `\`${first.field}\` is not supported: the endpoint has ${called} and not ${asked}, and ${called} has no place for ${places}`,
    )
  }

  return {
    to: (asked, stored) => {
      const body = passedBody(asked, stored, model)
      const standIn = lacking.has(asked) ? STAND_INS[asked] : undefined
      return standIn ? translated(asked, standIn, body) : { asked, called: asked, url: urls[asked], body }
    },
    standIn: ({ asked, called, body }) => {
      const standIn = called === asked ? STAND_INS[asked] : undefined
      return standIn && translated(asked, standIn, body)
    },
    note: (operation, isThere) => void (isThere ? lacking.delete(operation) : lacking.add(operation)),
  }
}

/** The HTTP statuses that a server answers to a path or a method that it does not have. */
const NOT_THERE: readonly number[] = [404, 405, 501]

/**
 * Returns whether an answer says that the endpoint lacks the operation. LM Studio answers this with the status 200. A
 * 404 about a missing model does not count: the operation exists, so a substitute would not help.
 */
export function lacksOperation(reply: Reply): boolean {
  if (reply.kind !== 'answered') return false
  const error = reply.body.kind === 'json' && isObject(reply.body.value) ? reply.body.value.error : undefined
  if (reply.status < 300) return typeof error === 'string' && error.startsWith('Unexpected endpoint')
  return NOT_THERE.includes(reply.status) && !(isObject(error) && error.code === 'model_not_found')
}
