import type { DocumentedAnswer } from './answer.ts'

const chat = (message: object, doneReason: string) => ({
  model: 'llama3.2:1b',
  created_at: '2026-11-23T10:00:00.000Z',
  message: { role: 'assistant', content: '', ...message },
  done: true,
  done_reason: doneReason,
  total_duration: 5_191_566_416,
  load_duration: 2_154_458,
  prompt_eval_count: 26,
  prompt_eval_duration: 383_809_000,
  eval_count: 298,
  eval_duration: 4_799_921_000,
})
const USAGE = { prompt_tokens: 26, completion_tokens: 298 }

/** From https://docs.ollama.com/api/chat and https://docs.ollama.com/api/errors. */
export const OLLAMA_ANSWERS: readonly DocumentedAnswer[] = [
  {
    what: 'a chat',
    status: 200,
    body: chat({ content: 'Hello!' }, 'stop'),
    means: 'result',
    gives: { result: { text: 'Hello!', finish_reason: 'stop' }, usage: USAGE },
  },
  {
    what: 'thinking that used up the tokens',
    status: 200,
    body: chat({ thinking: 'Hm' }, 'length'),
    means: 'result',
    gives: { result: { text: '', reasoning_content: 'Hm', finish_reason: 'length' }, usage: USAGE },
  },
  {
    what: 'a prompt that was in the cache from the previous call',
    status: 200,
    body: { ...chat({ content: 'Hi' }, 'stop'), prompt_eval_count: undefined },
    means: 'result',
    gives: { result: { text: 'Hi', finish_reason: 'stop' }, usage: { completion_tokens: 298 } },
  },
  { what: 'no message, only a note that the model was loaded', status: 200, body: chat({}, 'load'), means: 'retry' },
  {
    what: 'an error while the model ran',
    status: 200,
    body: { error: 'an error was encountered while running the model: unexpected EOF' },
    means: 'retry',
  },
  { what: 'a bad request', status: 400, body: { error: 'llama3.2:1b does not support thinking' }, means: 'drop' },
  { what: 'a model that was not pulled', status: 404, body: { error: "model 'llama9' not found" }, means: 'drop' },
  {
    what: 'a prompt over the context of the model',
    status: 500,
    body: { error: 'the input length exceeds the context length' },
    means: 'drop',
  },
  { what: 'too many requests', status: 429, body: { error: 'too many requests' }, means: 'retry' },
  {
    what: 'a model that could not be loaded',
    status: 500,
    body: { error: 'llama runner process has terminated: signal: killed' },
    means: 'retry',
  },
  { what: 'a cloud model that does not answer', status: 502, body: { error: 'upstream unavailable' }, means: 'retry' },
  {
    what: 'a full queue',
    status: 503,
    body: { error: 'server busy, please try again.  maximum pending requests exceeded' },
    means: 'retry',
  },
  { what: 'a model that needs a paid plan', status: 402, body: { error: 'payment required' }, means: 'halt' },
]
