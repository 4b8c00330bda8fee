import { describe, expect, it } from 'vitest'
import { fieldsOf } from '../../../../../functions/core/openai-format/fields.ts'
import { passedBody } from '../../../../../functions/core/openai-format/pass.ts'

const messages = [{ role: 'user', content: 'Hi' }]

describe('the fields of a body', () => {
  it('have the texts that the model gets as prompt, whatever else the client calls so', () => {
    expect(fieldsOf('chat.completions', { model: 'm', messages, prompt: 'x' })).toMatchObject({
      prompt: 'Hi',
      messages,
    })
  })

  it.each(['completions', 'embeddings'] as const)('have no messages for %s, which have none', operation => {
    const body = { model: 'm', prompt: 'Hi', input: 'Hi', messages: [{}] }
    expect(fieldsOf(operation, body)).toMatchObject({ prompt: 'Hi' })
    expect(fieldsOf(operation, body)).not.toHaveProperty('messages')
  })
})

describe('the body that is passed on', () => {
  const own = { metadata: { job: '7' }, service_tier: 'default' }

  it.each(['completions', 'embeddings'] as const)(
    'has no metadata and no tier for %s, which know neither',
    operation => {
      const passed = passedBody(operation, { model: 'm', prompt: 'Hi', input: 'Hi', ...own }, 'gpt')
      expect(passed).toMatchObject({ model: 'gpt' })
      expect(passed).not.toHaveProperty('metadata')
      expect(passed).not.toHaveProperty('service_tier')
    },
  )

  it('has them for a response, and metadata for a chat that is stored', () => {
    expect(passedBody('responses', { model: 'm', input: 'Hi', ...own }, 'gpt')).toMatchObject(own)
    expect(passedBody('chat.completions', { model: 'm', messages, store: true, ...own }, 'gpt')).toMatchObject(own)
    expect(passedBody('chat.completions', { model: 'm', messages, ...own }, 'gpt')).not.toHaveProperty('metadata')
  })
})
