import { describe, expect, it } from 'vitest'
import { fieldsOf } from '../../../../../functions/core/openai-format/fields.ts'
import { passedBody } from '../../../../../functions/core/openai-format/pass.ts'

const messages = [{ role: 'user', content: 'Hi' }]

describe('the fields of a body', () => {
  it('have the texts that the model gets as the prompt, even if the client sends a field named prompt', () => {
    expect(fieldsOf('chat.completions', { model: 'm', messages, prompt: 'x' })).toMatchObject({
      prompt: 'Hi',
      messages,
    })
  })

  it.each(['completions', 'embeddings'] as const)('have no messages for %s, which don’t know messages', operation => {
    const body = { model: 'm', prompt: 'Hi', input: 'Hi', messages: [{}] }
    expect(fieldsOf(operation, body)).toMatchObject({ prompt: 'Hi' })
    expect(fieldsOf(operation, body)).not.toHaveProperty('messages')
  })
})

describe('the body that is passed on', () => {
  const own = { metadata: { job: '7' }, service_tier: 'default' }

  it.each(['completions', 'embeddings'] as const)(
    'has neither metadata nor tier for %s, which know neither field',
    operation => {
      const passed = passedBody(operation, { model: 'm', prompt: 'Hi', input: 'Hi', ...own }, 'gpt')
      expect(passed).toMatchObject({ model: 'gpt' })
      expect(passed).not.toHaveProperty('metadata')
      expect(passed).not.toHaveProperty('service_tier')
    },
  )

  it('has metadata and tier for a response, and metadata for a stored chat', () => {
    expect(passedBody('responses', { model: 'm', input: 'Hi', ...own }, 'gpt')).toMatchObject(own)
    expect(passedBody('chat.completions', { model: 'm', messages, store: true, ...own }, 'gpt')).toMatchObject(own)
    expect(passedBody('chat.completions', { model: 'm', messages, ...own }, 'gpt')).not.toHaveProperty('metadata')
  })
})
