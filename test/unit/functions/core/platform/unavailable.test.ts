import {
  ConditionalCheckFailedException,
  InternalServerError,
  ProvisionedThroughputExceededException,
  ResourceNotFoundException,
} from '@aws-sdk/client-dynamodb'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { Defect, reaching, reachingEach, Unavailable } from '../../../../../functions/core/platform/unavailable.ts'

const named = (name: string, fields: object = {}) => Object.assign(new Error('m'), { name, ...fields })
const client = (name: string, httpStatusCode = 400) => named(name, { $fault: 'client', $metadata: { httpStatusCode } })
const zodError = () => z.object({ prompt: z.literal('x') }).safeParse({ prompt: 'secret' }).error
const options = { message: 'm', $metadata: {} }

const thrownBy = (error: unknown) => reaching('the table', () => Promise.reject(error)).catch(failure => failure)

describe('reaching, which turns the errors of a service into Unavailable or Defect', () => {
  it.each([
    { what: 'a broken connection', error: named('Error', { code: 'ECONNRESET' }) },
    { what: 'a name that does not resolve', error: named('Error', { code: 'ENOTFOUND' }) },
    { what: 'a connection that times out', error: named('Error', { code: 'ETIMEDOUT' }) },
    { what: 'a network that is down', error: named('Error', { code: 'ENETDOWN' }) },
    { what: 'a body that is cut off', error: named('Error', { code: 'ERR_STREAM_PREMATURE_CLOSE' }) },
    {
      what: 'an error with a cause in the network',
      error: new TypeError('fetch failed', { cause: named('Error', { code: 'EAI_AGAIN' }) }),
    },
    { what: 'a timeout of the SDK', error: named('TimeoutError') },
    { what: 'a call that a timeout has aborted', error: named('AbortError', { cause: named('TimeoutError') }) },
    { what: 'throttling', error: new ProvisionedThroughputExceededException(options) },
    { what: 'throttling by its status', error: client('Odd', 429) },
    { what: 'S3 that asks to slow down', error: client('SlowDown', 503) },
    { what: 'a fault of the server', error: new InternalServerError(options) },
    { what: 'a status of 502', error: named('Odd', { $metadata: { httpStatusCode: 502 } }) },
    { what: 'an error that the SDK calls retryable', error: named('Odd', { $fault: 'client', $retryable: {} }) },
    { what: 'missing credentials', error: named('CredentialsProviderError') },
    { what: 'credentials that have expired', error: client('ExpiredTokenException') },
    { what: 'an answer that the SDK can’t read', error: Object.assign(new SyntaxError('m'), { $response: {} }) },
  ])('reports an outage after $what', async ({ error }) => {
    const failure = await thrownBy(error)

    expect(failure).toBeInstanceOf(Unavailable)
    expect(failure).toMatchObject({ what: 'the table', cause: error })
  })

  it.each([
    { what: 'a bug', error: new TypeError('x is not a function') },
    { what: 'a stored value that does not parse', error: zodError() },
    { what: 'JSON that does not parse', error: new SyntaxError('m') },
    { what: 'a missing permission', error: client('AccessDeniedException') },
    { what: 'a missing permission in S3', error: client('AccessDenied', 403) },
    { what: 'an expression that is wrong', error: client('ValidationException') },
    { what: 'a table that does not exist', error: new ResourceNotFoundException(options) },
    { what: 'a bucket that does not exist', error: client('NoSuchBucket', 404) },
    { what: 'an unexpected failure of a condition', error: new ConditionalCheckFailedException(options) },
    { what: 'an error of Sluice', error: new Error('nothing to close') },
    { what: 'a thrown value that is no error', error: 'down' },
  ])('reports a defect after $what', async ({ error }) => {
    const failure = await thrownBy(error)

    expect(failure).toBeInstanceOf(Defect)
    expect(failure).toMatchObject({ what: 'the table', cause: error })
  })

  it('the message leaves out the name Error, which says nothing', async () => {
    const { message } = await thrownBy(new Error('nothing to close'))

    expect(message).toBe('a call of the table failed by a defect: nothing to close')
  })

  it('the error names the place of a wrong stored value, and does not quote the value', async () => {
    const { message } = await thrownBy(zodError())

    expect(message).toBe('a call of the table failed by a defect: ZodError: prompt invalid_value')
  })

  it('the caller may give a rule, which decides on errors that the SDK does not call transient', async () => {
    const resuming = client('DatabaseResumingException')
    const failure = await reaching(
      'the ledger',
      () => Promise.reject(resuming),
      error => error === resuming,
    ).catch(e => e)

    expect(failure).toBeInstanceOf(Unavailable)
  })

  it.each([new Unavailable('another', 'x'), new Defect('another', 'x')])(
    'throws an error that is already $name unchanged',
    async error => {
      expect(await thrownBy(error)).toBe(error)
    },
  )
})

describe('reachingEach', () => {
  it('turns each error of a list of calls into Unavailable or Defect, as `reaching` does', async () => {
    const broken = { next: () => Promise.reject(new TypeError('x')) }

    await expect(reachingEach('the table', broken).next()).rejects.toThrow(Defect)
  })
})
