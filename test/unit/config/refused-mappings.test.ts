import { describe, expect, it } from 'vitest'
import { type Changes, pipelineText, refusal } from './pipelines.ts'

describe('a mistake in a JSONata expression is reported with its line and column in the file:', () => {
  it.each<[string, Changes, string]>([
    [
      'in single quotes',
      { request: '    request: \'{ "it\'\'s": prompt "b": 1 }\'' },
      'p.yaml:13:33: models.text.request is not valid JSONata: Expected "}", got "b"',
    ],
    [
      'in double quotes',
      { request: '    request: "{ \\"a\\": prompt ] }"' },
      'p.yaml:13:31: models.text.request is not valid JSONata: Expected "}", got "]"',
    ],
    [
      'in a text without quotes',
      { request: '    request: prompt ]' },
      'p.yaml:13:21: models.text.request is not valid JSONata: Syntax error: "]"',
    ],
    [
      'in a text over several lines',
      { request: '    request: |\n      {\n        "a": prompt\n        "b": 1\n      }' },
      'p.yaml:16:9: models.text.request is not valid JSONata: Expected "}", got "b"',
    ],
    [
      'in a folded text',
      { request: '    request: >-\n      { "a":\n\n        prompt  x }' },
      'p.yaml:16:17: models.text.request is not valid JSONata: Expected "}", got "x"',
    ],
    [
      'at its end',
      { request: '    request: \'{ "a": 1\'' },
      'p.yaml:13:23: models.text.request is not valid JSONata: Expected "}" before end of expression',
    ],
    [
      'after a variable of the environment, which is longer or shorter than its value',
      { request: `    request: '{ "a": \${LONG_NAME:x} ] }'` },
      'p.yaml:13:37: models.text.request is not valid JSONata: Expected "}", got "]"',
    ],
    [
      'at an unknown function',
      { response: '    response: \'{ "a": $uppercas(x) }\'' },
      'p.yaml:14:23: models.text.response calls $uppercas, which is not a function of JSONata; did you mean $uppercase?',
    ],
    [
      'at an unknown function that is passed to another function',
      { response: "    response: '$map(list, $uppercas)'" },
      'p.yaml:14:27: models.text.response uses $uppercas, which is not defined; did you mean $uppercase?',
    ],
    [
      'at an undefined variable',
      { request: `    request: '{ "a": $prompt }'` },
      'p.yaml:13:22: models.text.request uses $prompt, which is not defined; a field is written without the $: prompt',
    ],
    [
      'at $eval',
      { response: `    response: '{ "a": $eval(x) }'` },
      'p.yaml:14:23: models.text.response uses $eval, which is switched off, since no text may become code; $parse reads JSON',
    ],
    [
      'at an invalid regular expression',
      { request: `    request: '$match(prompt, /a{2,1}/)'` },
      'p.yaml:13:30: models.text.request is not valid JSONata: Invalid regular expression: /a{2,1}/g: numbers out of order in {} quantifier',
    ],
    [
      'in a route',
      { routing: 'routing:\n  - { when: "a =", model: text }\n  - model: text' },
      'p.yaml:9:17: routing[0].when is not valid JSONata: Unexpected end of expression',
    ],
    [
      'in an empty expression',
      { request: '    request: ""' },
      'p.yaml:13:14: models.text.request is empty; it must be a JSONata expression',
    ],
  ])('a mistake %s is reported with its line and column', (_name, changes, expected) => {
    expect(refusal(pipelineText(changes))).toBe(expected)
  })
})
