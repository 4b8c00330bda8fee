import { describe, expect, it } from 'vitest'
import { responseToChat } from '../../../../../functions/core/openai-format/to-chat.ts'
import { chatToResponse } from '../../../../../functions/core/openai-format/to-response.ts'

const PIXEL = 'data:image/png;base64,iVBORw0KGgo='
const AUDIO = { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } }

const input = (...content: object[]) => ({ model: 'm', input: [{ role: 'user', content }] })
const messages = (...content: object[]) => ({ model: 'm', messages: [{ role: 'user', content }] })
const lost = (place: string, field = place) => [{ field, place }]

describe('responseToChat: translates the body of a response into the body of a chat', () => {
  it.each([
    ['an image by the id of a file', { type: 'input_image', file_id: 'file-1', detail: 'auto' }],
    ['a file by a URL', { type: 'input_file', file_url: 'https://example.com/a.pdf' }],
    ['audio without data', { type: 'input_audio', data: 'UklGRg==' }],
    ['a type that nobody knows', { type: 'input_video', text: 'x' }],
  ])('reports %s as lost, since a chat can’t contain it', (_, part) => {
    expect(responseToChat(input({ type: 'input_text', text: 'a' }, part)).lost).toEqual(
      lost('input[0].content[1]', 'input'),
    )
    const item = { type: 'function_call_output', call_id: 'c', output: [part] }
    expect(responseToChat({ model: 'm', input: [item] }).lost).toEqual(lost('input[0].output[0]', 'input'))
  })

  it('keeps audio, images and files that are in the body itself', () => {
    const file = { file_data: 'data:application/pdf;base64,JVBERg==', filename: 'a.pdf' }
    const { body, lost: none } = responseToChat(
      input(
        { type: 'input_text', text: 'a' },
        AUDIO,
        { type: 'input_image', image_url: PIXEL, file_id: null },
        { type: 'input_file', ...file },
      ),
    )

    expect(none).toEqual([])
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          AUDIO,
          { type: 'image_url', image_url: { url: PIXEL } },
          { type: 'file', file },
        ],
      },
    ])
  })

  it('reports OpenAI’s own tools and a summary of the reasoning as lost, since a chat can’t contain them', () => {
    const body = { model: 'm', input: 'a' }
    expect(responseToChat({ ...body, tools: [{ type: 'web_search' }] }).lost).toEqual(lost('tools'))
    expect(responseToChat({ ...body, tool_choice: { type: 'web_search' } }).lost).toEqual(lost('tool_choice'))
    expect(responseToChat({ ...body, reasoning: { effort: 'low', summary: 'auto' } }).lost).toEqual(lost('reasoning'))
    expect(responseToChat({ ...body, reasoning: { effort: 'low', summary: null } }).lost).toEqual([])
    expect(responseToChat({ ...body, truncation: 'auto' }).lost).toEqual(lost('truncation'))
  })

  it('reports nothing as lost for a field whose value asks for nothing', () => {
    const nothing = { truncation: 'disabled', include: [], tools: [], tool_choice: 'auto', n: 1 }
    expect(responseToChat({ model: 'm', input: 'a', ...nothing }).lost).toEqual([])
  })
})

describe('chatToResponse: translates the body of a chat into the body of a response', () => {
  it.each([
    ['audio', AUDIO],
    ['a type that nobody knows', { type: 'video_url', text: 'x' }],
  ])('reports %s as lost, since a response can’t contain it', (_, part) => {
    expect(chatToResponse(messages({ type: 'text', text: 'a' }, part)).lost).toEqual(
      lost('messages[0].content[1]', 'messages'),
    )
  })

  it.each([
    ['messages[0].name', { role: 'user', name: 'ann', content: 'a' }],
    ['messages[0].audio', { role: 'assistant', audio: { id: 'audio_1' } }],
    ['messages[0].function_call', { role: 'assistant', function_call: { name: 'f', arguments: '{}' } }],
    ['messages[0].role', { role: 'function', content: 'a' }],
    ['messages[0].tool_calls', { role: 'assistant', tool_calls: [{ id: 'c', type: 'custom', custom: {} }] }],
  ])('reports %s as lost, since a response has no such field', (place, message) => {
    expect(chatToResponse({ model: 'm', messages: [message] }).lost).toEqual(lost(place, 'messages'))
  })

  it('keeps a refusal, and an earlier answer of the assistant in the form in which clients send it back', () => {
    const answer = { role: 'assistant', content: 'b', refusal: null, audio: null, function_call: null, annotations: [] }
    const { body, lost: none } = chatToResponse({
      model: 'm',
      messages: [answer, { role: 'assistant', content: null, refusal: 'no' }],
    })

    expect(none).toEqual([])
    expect(body.input).toEqual([
      { type: 'message', role: 'assistant', content: 'b' },
      { type: 'message', role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] },
    ])
  })

  it('reports nothing as lost for a field whose value asks for nothing', () => {
    const nothing = { n: 1, presence_penalty: 0, frequency_penalty: 0, stop: [], modalities: ['text'] }
    expect(chatToResponse({ ...messages({ type: 'text', text: 'a' }), ...nothing }).lost).toEqual([])
  })

  it.each([
    { field: 'web_search_options', value: {}, isLost: true },
    { field: 'web_search_options', value: null, isLost: false },
    { field: 'prediction', value: {}, isLost: false },
  ])('reports the value $value of $field as lost: $isLost', ({ field, value, isLost }) => {
    const chat = { ...messages({ type: 'text', text: 'a' }), [field]: value }
    expect(chatToResponse(chat).lost).toEqual(isLost ? lost(field) : [])
  })

  it('reports tools and tool choices other than functions as lost', () => {
    const chat = messages({ type: 'text', text: 'a' })
    expect(chatToResponse({ ...chat, tools: [{ type: 'custom', custom: { name: 'c' } }] }).lost).toEqual(lost('tools'))
    expect(chatToResponse({ ...chat, tool_choice: { type: 'custom', custom: { name: 'c' } } }).lost).toEqual(
      lost('tool_choice'),
    )
  })
})
