import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadPipeline } from '../../../lib/config/load.ts'
import { type Changes, endpoint, lines, messageOf, pipelineText, plan, refusal } from './pipelines.ts'

describe('a variable is refused', () => {
  it('a variable is refused if it is not set, and each use is reported at its place', () => {
    expect(
      refusal(pipelineText({ name: `name: \${A}`, extra: `observability: { fields: { a: "x \${A:} \${B}" } }` })),
    ).toBe(
      lines(
        `p.yaml:1:7: the variable A is not set; set it, or give it a default: \${A:default}`,
        `p.yaml:15:40: the variable B is not set; set it, or give it a default: \${B:default}`,
      ),
    )
  })

  it('a variable is refused if its value does not fit, and the value is not shown, since it may be a secret', () => {
    const changes = endpoint(`url: "\${MODEL_URL}"`)

    expect(refusal(pipelineText(changes), { MODEL_URL: 'hunter2' })).toBe(
      `p.yaml:12:22: models.text.endpoint.url must be an http or https URL, such as http://127.0.0.1:8081/predict, which \${MODEL_URL} does not give`,
    )
  })

  const X = '$' + '{X}'
  const NotJsonata = 'models.text.request is not valid JSONata with the values of its variables'
  it.each<[string, Changes, string, string]>([
    [
      'the name of a plan',
      { defaultPlan: `  default_plan: "${X}"` },
      'sk-secret',
      `p.yaml:5:17: quotas.default_plan must name one of the plans, and the value of ${X} is none of them; those are free`,
    ],
    [
      'the name of a model in a route',
      { routing: `routing:\n  - model: "${X}"` },
      'sk-secret',
      `p.yaml:9:12: routing[0].model must name one of the models, and the value of ${X} is none of them; those are text`,
    ],
    [
      'the name of a model in a plan',
      plan(`requests: 3, tokens: 9, in_flight: 3, priorities: [high], models: ["${X}"]`),
      'sk-secret',
      `p.yaml:7:80: quotas.plans.free.models[0] must name one of the models, and the value of ${X} is none of them; those are text`,
    ],
    [
      'the name of an input',
      { queue: `inputs: [{ queue: "${X}" }, { queue: "${X}" }]` },
      'sk-secret',
      `p.yaml:2:38: inputs[1].queue must not be ${X} again: another input has this name`,
    ],
    ['a mapping', { request: `    request: '${X}'` }, 'sk secret', `p.yaml:13:15: ${NotJsonata}`],
    ['a part of a mapping', { request: `    request: '{ "a": ${X} }'` }, '1 "secret"', `p.yaml:13:22: ${NotJsonata}`],
    ['a function in a mapping', { request: `    request: '${X}'` }, '$secret(1)', `p.yaml:13:15: ${NotJsonata}`],
    ['a variable in a mapping', { request: `    request: '${X}'` }, '$secret', `p.yaml:13:15: ${NotJsonata}`],
    ['a regular expression', { request: `    request: '${X}'` }, '/sec{2,1}ret/', `p.yaml:13:15: ${NotJsonata}`],
    ['a literal as a step', { request: `    request: '${X}'` }, 'a.42', `p.yaml:13:19: ${NotJsonata}`],
  ])('a variable is refused, and its value is not shown, as %s', (_where, changes, value, expected) => {
    expect(refusal(pipelineText(changes), { X: value })).toBe(expected)
  })

  it('a mistake in the text around a variable is still reported in JSONata’s words', () => {
    const request = `    request: '{ "a": "${X}" ] }'`

    expect(refusal(pipelineText({ request }), { X: 'secret' })).toBe(
      'p.yaml:13:29: models.text.request is not valid JSONata: Expected "}", got "]"',
    )
  })
})

describe('a file that is not a pipeline is refused in one line', () => {
  it.each<[string, string, string]>([
    ['an empty file', '', 'p.yaml:1:1: the file is empty; it must hold a pipeline'],
    ['a file of comments only', '# later\n', 'p.yaml:1:1: the file is empty; it must hold a pipeline'],
    ['a text', 'hello', 'p.yaml:1:1: the pipeline must be a mapping of keys to values, not "hello"'],
    ['broken YAML', 'name: "x\n', 'p.yaml:2:1: the file is not valid YAML: Missing closing "quote'],
    [
      'an unquoted variable in braces',
      `queue: { expire_after: \${T:5h} }`,
      `p.yaml:1:25: the file is not valid YAML: Unexpected flow-map-start at node end (if it is about \${…}: put quotes around the value)`,
    ],
    [
      'a key that occurs twice',
      'name: a\nqueue: {}\nname: b\n',
      'p.yaml:3:1: the key name is there twice in this mapping; keep one',
    ],
    [
      'two YAML documents in one file',
      'name: a\n---\nname: b\n',
      'p.yaml:2:1: the file must hold one YAML document; remove what begins here',
    ],
    ['an unknown tag', 'name: !secret a\n', 'p.yaml:1:7: the file is not valid YAML: Unresolved tag: !secret'],
    ['an alias of nothing', 'name: *x\n', 'p.yaml:1:7: this alias (*name) has no anchor (&name) before it'],
    ['a key that JavaScript would hide', 'queue: { __proto__: 1 }\n', 'p.yaml:1:10: the key __proto__ is not allowed'],
    [
      'an alias bomb, i.e. aliases of aliases that expand to a huge document',
      ['a: &a [x,x,x,x,x,x,x,x,x]', 'b: &b [*a,*a,*a,*a,*a,*a]', 'c: &c [*b,*b,*b,*b,*b]', 'd: [*c,*c,*c]'].join('\n'),
      'p.yaml:2:8: the file has too many aliases; write the values out',
    ],
  ])('%s is refused in one line', (_name, text, expected) => {
    expect(refusal(text)).toBe(expected)
  })

  it('a file that is nested too deeply is refused', () => {
    expect(refusal('['.repeat(50_000))).toMatch(/^p\.yaml:1:\d+: the file is nested too deeply$/)
  })

  it('a file with an alias of itself is refused', () => {
    expect(refusal('name: &a [*a]')).toContain('p.yaml:1:10: name must be a name of letters')
  })

  it('a file that does not exist, is a folder, or is not text is refused', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'))
    const binary = join(folder, 'binary.yaml')
    writeFileSync(binary, Buffer.from([0xff, 0xfe, 0x00]))

    expect(messageOf(() => loadPipeline(join(folder, 'no.yaml'), {}))).toBe(
      `${folder}/no.yaml:1:1: there is no such file; name a pipeline file`,
    )
    expect(messageOf(() => loadPipeline(folder, {}))).toBe(`${folder}:1:1: this is a folder; name a pipeline file`)
    expect(messageOf(() => loadPipeline(binary, {}))).toBe(`${binary}:1:1: the file is not UTF-8 text`)
  })
})

it('all mistakes of a pipeline file are reported, in the order of the file', () => {
  const text = pipelineText({ name: 'name: 1', window: 'quotas:\n  window: week', extra: '    concurency: 3' })

  expect(refusal(text)).toBe(
    lines(
      'p.yaml:1:7: name must be a name of letters, digits and -, starting with a letter, up to 24 characters, not 1',
      'p.yaml:4:11: quotas.window must be one of day, hour, not "week"',
      'p.yaml:15:5: models.text has no key "concurency"; did you mean "concurrency"?',
    ),
  )
})

it('the line and column of a mistake are also right in a pipeline file with Windows line ends', () => {
  expect(refusal(pipelineText({ request: '    request: prompt ]' }).replaceAll('\n', '\r\n'))).toContain(
    'p.yaml:13:21: ',
  )
})
