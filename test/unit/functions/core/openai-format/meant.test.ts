import { expect, it } from 'vitest'
import { isMeant } from '../../../../../functions/core/openai-format/meant.ts'

it.each([
  { field: 'logprobs', value: 0, meant: true, why: 'a completion then has the log probability of each token' },
  { field: 'logprobs', value: false, meant: false, why: 'a chat has none' },
  { field: 'top_logprobs', value: 0, meant: false, why: 'a chat has no further ones' },
  { field: 'web_search_options', value: {}, meant: true, why: 'the model searches the web' },
  { field: 'web_search_options', value: null, meant: false, why: 'the field is not there' },
  { field: 'tools', value: [], meant: false, why: 'there are no tools' },
  { field: 'logit_bias', value: {}, meant: false, why: 'no token has a bias' },
])('$field $value asks for something: $meant, since $why', ({ field, value, meant }) => {
  expect(isMeant(field, value)).toBe(meant)
})
