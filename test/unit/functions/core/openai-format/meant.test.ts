import { expect, it } from 'vitest'
import { isMeant } from '../../../../../functions/core/openai-format/meant.ts'

it.each([
  { field: 'logprobs', value: 0, meant: true, why: 'a completion then has the log probability of each token' },
  { field: 'logprobs', value: false, meant: false, why: 'a chat then has no log probabilities' },
  { field: 'top_logprobs', value: 0, meant: false, why: 'a chat then has no further log probabilities' },
  { field: 'web_search_options', value: {}, meant: true, why: 'the model searches the web' },
  { field: 'web_search_options', value: null, meant: false, why: 'the field is not there' },
  { field: 'tools', value: [], meant: false, why: 'there are no tools' },
  { field: 'logit_bias', value: {}, meant: false, why: 'no token has a bias' },
])(
  'isMeant says for the value $value of $field whether it asks the model for something: $meant, since $why',
  ({ field, value, meant }) => {
    expect(isMeant(field, value)).toBe(meant)
  },
)
