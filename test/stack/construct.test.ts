import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Stack } from 'aws-cdk-lib'
import { User } from 'aws-cdk-lib/aws-iam'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { readFeatureFlags } from '../../lib/feature-flags.ts'
import { Sluice } from '../../lib/sluice.ts'
import { ofType } from './queries.ts'
import { PIPELINE, STUB_BUNDLES, synthesizeText, type Template } from './synthesized.ts'

const scratch = mkdtempSync(join(tmpdir(), 'sluice-construct-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
afterEach(() => vi.unstubAllEnvs())

function file(text: string): string {
  const path = join(mkdtempSync(join(scratch, 'app-')), 'pipeline.yaml')
  writeFileSync(path, text)
  return path
}

const INPUTS = `${PIPELINE}\ninputs: [{ queue: nightly-prompts }]\n`
const props = (text: string) => ({ pipeline: file(text), env: {}, bundles: STUB_BUNDLES })

/** A CDK app of another project, with one stack. */
function newStack(context: Record<string, unknown> = {}): { readonly stack: Stack; template(): Template } {
  const app = new App({ outdir: mkdtempSync(join(scratch, 'out-')), analyticsReporting: false, context })
  const stack = new Stack(app, 'Shop-1')
  return { stack, template: () => app.synth().getStackByName('Shop-1').template }
}

const arrayOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value])

interface Statement {
  readonly Action: unknown
  readonly Resource?: unknown
  readonly Principal?: { readonly AWS?: unknown }
}

/**
 * The rights in policy statements, one line per action, resource and principal. The CDK may group the same rights into other
 * statements in another stack. In this form, they are equal.
 */
const rightsOf = (statements: readonly Statement[]): string[] =>
  statements
    .flatMap(({ Action, Resource, Principal, ...others }) =>
      arrayOf(Action).flatMap(action =>
        arrayOf(Resource).flatMap(resource =>
          arrayOf(Principal?.AWS ?? Principal).map(who => JSON.stringify([action, resource, who, others])),
        ),
      ),
    )
    .toSorted()

/**
 * A template’s resources in a form in which two stacks can be compared. Tags are left out, because the CDK gives the parts of
 * a network a tag with the path of the construct, which differs. The statements of policies are sorted lists of rights.
 */
const resourcesOf = ({ Resources }: Template): object =>
  JSON.parse(JSON.stringify(Resources), (key, value) => {
    if (key === 'Tags') return undefined
    return key === 'Statement' ? rightsOf(value) : value
  })

/** The opposite of each of Sluice’s feature flags, except flags that only add checks and reports to a synthesis. */
const OTHER_FLAGS = Object.fromEntries(
  Object.entries(readFeatureFlags())
    .filter(([flag]) => !/validat|metadata|annotations/i.test(flag))
    .map(([flag, value]) => [flag, value !== true]),
)

describe('Sluice in a stack of another project', () => {
  const ours = synthesizeText(INPUTS).template

  it.each([
    ['no feature flag', {}],
    ['other feature flags', OTHER_FLAGS],
  ])('deploys the same resources as npx cdk deploy, in an app with %s', (_, context) => {
    const { stack, template } = newStack(context)
    // With the id `Default`, the logical ids are the same as in a checkout of Sluice. So a deployment can change from `npx cdk
    // deploy` in a checkout to this construct, or back.
    new Sluice(stack, 'Default', props(INPUTS))
    const theirs = template()

    expect(resourcesOf(theirs)).toEqual(resourcesOf(ours))
    expect(theirs.Outputs).toEqual(ours.Outputs)
  })

  it('the construct has attributes with the parts that the project may use, such as the API’s URL, the input queues and the tables', () => {
    const { stack, template } = newStack()
    const sluice = new Sluice(stack, 'Sluice', props(INPUTS))
    const nightly = new User(stack, 'Nightly')
    sluice.inputs['nightly-prompts']?.grantSendMessages(nightly)
    sluice.tables.requests.grantReadData(nightly)
    sluice.payloads.grantRead(nightly)

    const { Outputs, Resources } = template()
    const shown = {
      ApiUrl: sluice.apiUrl,
      AlarmTopicArn: sluice.alarmTopic.topicArn,
      DashboardUrl: sluice.dashboardUrl,
    }
    for (const [name, value] of Object.entries(shown)) expect(stack.resolve(value)).toEqual(Outputs[name]?.Value)
    const rights = JSON.stringify(
      ofType({ Resources, Outputs }, 'AWS::IAM::Policy').filter(({ Properties }) => 'Users' in Properties),
    )
    for (const action of ['sqs:SendMessage', 'dynamodb:GetItem', 's3:GetObject']) expect(rights).toContain(action)
    expect(stack.resolve(sluice.ledger.clusterArn)).toBeDefined()
  })

  it('the construct warns of a model with an address of this machine, and of a value that looks like a secret', () => {
    const { stack } = newStack()
    const text = PIPELINE.replace('http://text.example.com/predict', 'http://127.0.0.1:8081/predict?key=hunter2')
    new Sluice(stack, 'Sluice', props(text))
    const { messages } =
      stack.node.root instanceof App ? stack.node.root.synth().getStackByName('Shop-1') : { messages: [] }
    const warnings = messages.filter(({ level }) => level === 'warning').map(({ entry }) => String(entry.data))

    expect(warnings).toEqual(
      expect.arrayContaining([
        expect.stringContaining('models.text is called at http://127.0.0.1:8081/predict: deployed'),
        expect.stringMatching(/pipeline\.yaml:\d+:\d+: warning: models\.text\.endpoint\.url/),
      ]),
    )
  })

  it('the construct refuses a pipeline file with mistakes, and gives the place of each mistake', () => {
    const { stack } = newStack()
    const text = PIPELINE.replace('timeout: 60s', 'timout: 60s')

    const make = () => new Sluice(stack, 'Sluice', props(text))

    expect(make).toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        message: expect.stringMatching(/pipeline\.yaml:\d+:\d+: models\.text\.endpoint has no key "timout"/),
      }),
    )
  })

  it('a stack refuses a second Sluice, since the outputs of both would have the same names', () => {
    const { stack } = newStack()
    new Sluice(stack, 'Sluice', props(PIPELINE))

    expect(() => new Sluice(stack, 'Second', props(PIPELINE))).toThrow(
      'The stack Shop-1 has a Sluice already, Shop-1/Sluice: put Second into a stack of its own.',
    )
  })

  it('the construct replaces variables of the pipeline file by values of the given environment, and leaves no temporary file', () => {
    const temporary = mkdtempSync(join(scratch, 'tmp-'))
    vi.stubEnv('TMPDIR', temporary)
    const { stack, template } = newStack()
    const text = PIPELINE.replace('name: Shop-1', `name: "\${SHOP}"`)
    new Sluice(stack, 'Sluice', { ...props(text), env: { SHOP: 'corner' } })

    expect(JSON.stringify(template().Resources)).toContain('corner-inference-text-normal')
    expect(readdirSync(temporary)).toEqual([])
  })
})
