import { describe, expect, it } from 'vitest'
import { fieldsOf } from '../../../../../functions/core/openai-format/fields.ts'
import { passedBody } from '../../../../../functions/core/openai-format/pass.ts'

const messages = [{ role: 'user', content: 'Hi' }]

describe('fieldsOf: the fields of an OpenAI body that routing and mappings use', () => {
  it('have as `prompt` the texts that the model gets, even if the client sends another field named prompt', () => {
    expect(fieldsOf('chat.completions', { model: 'm', messages, prompt: 'x' })).toMatchObject({
      prompt: 'Hi',
      messages,
    })
  })

  it.each(['completions', 'embeddings'] as const)(
    'have no `messages` for %s, since this operation has no such field',
    operation => {
      const body = { model: 'm', prompt: 'Hi', input: 'Hi', messages: [{}] }
      expect(fieldsOf(operation, body)).toMatchObject({ prompt: 'Hi' })
      expect(fieldsOf(operation, body)).not.toHaveProperty('messages')
    },
  )
})

describe('passedBody: the OpenAI body that is passed on to the endpoint', () => {
  const own = { metadata: { job: '7' }, service_tier: 'default' }

  it.each(['completions', 'embeddings'] as const)(
    'has neither metadata nor service_tier for %s, since this operation has no such fields',
    operation => {
      const passed = passedBody(operation, { model: 'm', prompt: 'Hi', input: 'Hi', ...own }, 'gpt')
      expect(passed).toMatchObject({ model: 'gpt' })
      expect(passed).not.toHaveProperty('metadata')
      expect(passed).not.toHaveProperty('service_tier')
    },
  )

  it('the passed body has metadata and service_tier for a response and a stored chat, but no metadata for a chat that is not stored', () => {
    expect(passedBody('responses', { model: 'm', input: 'Hi', ...own }, 'gpt')).toMatchObject(own)
    expect(passedBody('chat.completions', { model: 'm', messages, store: true, ...own }, 'gpt')).toMatchObject(own)
    expect(passedBody('chat.completions', { model: 'm', messages, ...own }, 'gpt')).not.toHaveProperty('metadata')
  })
})
