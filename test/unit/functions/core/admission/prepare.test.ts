import { describe, expect, it } from 'vitest'
import { fingerprintOf } from '../../../../../functions/core/admission/fingerprint.ts'
import { prepare } from '../../../../../functions/core/admission/prepare.ts'
import type { Submission } from '../../../../../functions/core/domain/submission.ts'
import { submitRequest } from '../../../../../functions/gateway/submit-request.ts'
import { aCaller, route, SETTINGS, TEXT_QUEUE } from '../../../../support/gateway.ts'
import { memoryPorts } from '../../../../support/ports.ts'

describe('prepare: a submission of another API than /v1/inference', () => {
  const body = { messages: [{ role: 'user', content: 'hello' }], prompt: 'hello', max_completion_tokens: 7 }
  const submission: Submission = {
    body,
    prompt: 'hello',
    model: undefined,
    priority: 'normal',
    metadata: { tag: 'x' },
  }

  it('is admitted with the prompt, the model and the limits that its API has read, and its body reaches the worker unchanged', async () => {
    const ports = memoryPorts()

    const prepared = await prepare(ports, SETTINGS, route, aCaller(), submission)
    const { item } = await submitRequest(ports, prepared)

    expect(item).toMatchObject({
      model: 'text',
      estimate: 2 + 7,
      metadata: { tag: 'x' },
      fingerprint: fingerprintOf(body),
    })
    expect(ports.queue.sent(TEXT_QUEUE)[0]?.body).toMatchObject({ body: { inline: body } })
  })
})
