import { describe, expect, it } from 'vitest'
import { eventStream } from '../../../../../functions/core/openai-api/streams.ts'
import type { Json } from '../../../../../functions/core/openai-format/json.ts'

/** The server-sent events of a response with this output. */
function eventsOf(output: readonly Json[]): { type: string; [field: string]: unknown }[] {
  const { body = '' } = eventStream({ object: 'response', status: 'completed', output }, {})
  const text = Buffer.from(String(body), 'base64').toString()
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data))
}

describe('the server-sent events of a response (OpenAI API)', () => {
  it('have the arguments of a function call only once: the first event of the function call has empty arguments', () => {
    const call = { type: 'function_call', id: 'f', call_id: 'c', name: 'weather', arguments: '{"city":"Vienna"}' }
    const events = eventsOf([call])

    expect(events.find(({ type }) => type === 'response.output_item.added')?.item).toMatchObject({ arguments: '' })
    expect(events.filter(({ delta }) => delta === call.arguments)).toHaveLength(1)
    expect(events.find(({ type }) => type === 'response.output_item.done')?.item).toEqual(call)
  })

  it('have reasoning_text deltas for reasoning, and no delta for a part of an unknown type', () => {
    const reasoning = {
      type: 'reasoning',
      id: 'r',
      content: [{ type: 'reasoning_text', text: 'Hm.' }, { type: 'odd' }],
    }
    const events = eventsOf([reasoning])

    expect(events.find(({ type }) => type === 'response.output_item.added')?.item).toMatchObject({ content: [] })
    expect(events.find(({ type }) => type === 'response.reasoning_text.delta')).toMatchObject({ delta: 'Hm.' })
    expect(events.filter(({ type }) => type.startsWith('response.refusal'))).toEqual([])
  })

  it('if all events together exceed the largest size of an answer, only the first two and the last are sent, without deltas', () => {
    const text = 'x'.repeat(1_500_000)
    const output = [{ type: 'message', id: 'm', content: [{ type: 'output_text', text }] }]

    expect(eventsOf(output).map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.completed',
    ])
    expect(eventsOf(output).at(-1)?.response).toMatchObject({ output })
  })
})
