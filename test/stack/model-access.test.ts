import { describe, expect, it } from 'vitest'
import { functionOf, grantsOf, ofType, render } from './queries.ts'
import { synthesizeText } from './synthesized.ts'

const IN_STACK = '<AWS::Region>:<AWS::AccountId>'

/** A model’s auth and URL, and the rights that its worker gets because of them. */
interface Case {
  readonly sigv4: string
  readonly url: string
  readonly grants: readonly string[]
}

const BEDROCK = 'https://bedrock-runtime.us-west-2.amazonaws.com/model'
const PROFILE = 'arn%3Aaws%3Abedrock%3Aeu-west-1%3A111122223333%3A'
const arn = (rest: string) => `arn:<AWS::Partition>:${rest}`
const invoke = (rest: string) => `bedrock:InvokeModel ${arn(`bedrock:${rest}`)}`

const cases: Readonly<Record<string, Case>> = {
  'a SageMaker endpoint': {
    sigv4: 'sagemaker',
    url: 'https://runtime.sagemaker.us-west-2.amazonaws.com/endpoints/llama/invocations',
    grants: [`sagemaker:InvokeEndpoint ${arn('sagemaker:us-west-2:<AWS::AccountId>:endpoint/llama')}`],
  },
  'a SageMaker endpoint behind another host, whose name has capitals': {
    sigv4: 'sagemaker',
    url: 'https://models.example.com/endpoints/Llama-3/invocations',
    grants: ['Llama-3', 'llama-3'].map(of => `sagemaker:InvokeEndpoint ${arn(`sagemaker:${IN_STACK}:endpoint/${of}`)}`),
  },
  'a foundation model': {
    sigv4: 'bedrock',
    url: `${BEDROCK}/amazon.nova-lite-v1:0/converse`,
    grants: [invoke('us-west-2::foundation-model/amazon.nova-lite-v1:0')],
  },
  'a foundation model by its ARN': {
    sigv4: 'bedrock',
    url: `${BEDROCK}/arn:aws:bedrock:us-west-2::foundation-model%2Famazon.nova-lite-v1:0/invoke`,
    grants: [invoke('us-west-2::foundation-model/amazon.nova-lite-v1:0')],
  },
  'an inference profile': {
    sigv4: 'bedrock',
    url: `${BEDROCK}/us.amazon.nova-lite-v1%3A0/converse`,
    grants: [
      invoke('us-west-2:<AWS::AccountId>:inference-profile/us.amazon.nova-lite-v1:0'),
      invoke('*::foundation-model/amazon.nova-lite-v1:0'),
    ],
  },
  'an inference profile by its ARN': {
    sigv4: 'bedrock',
    url: `${BEDROCK}/${PROFILE}inference-profile%2Feu.amazon.nova-lite-v1%3A0/converse`,
    grants: [
      invoke('eu-west-1:111122223333:inference-profile/eu.amazon.nova-lite-v1:0'),
      invoke('*::foundation-model/amazon.nova-lite-v1:0'),
    ],
  },
  'an application inference profile': {
    sigv4: 'bedrock',
    url: `${BEDROCK}/${PROFILE}application-inference-profile%2Fabc123/converse`,
    grants: [invoke('eu-west-1:111122223333:application-inference-profile/abc123'), invoke('*::foundation-model/*')],
  },
  'provisioned throughput': {
    sigv4: 'bedrock',
    url: `${BEDROCK}/${PROFILE}provisioned-model%2Fabc123/invoke`,
    grants: [invoke('eu-west-1:111122223333:provisioned-model/abc123')],
  },
  'a route of an API': {
    sigv4: 'execute-api',
    url: 'https://abc123.execute-api.eu-west-1.amazonaws.com/prod/v1/predict?x=1',
    grants: ['prod/POST/v1/predict', '$default/POST/prod/v1/predict'].map(
      route => `execute-api:Invoke ${arn(`execute-api:eu-west-1:<AWS::AccountId>:abc123/${route}`)}`,
    ),
  },
  'a prompt router': {
    sigv4: 'bedrock',
    url: `${BEDROCK}/${PROFILE}default-prompt-router%2Fanthropic.claude%3A1/converse`,
    grants: [],
  },
  'an answer in a stream': {
    sigv4: 'bedrock',
    url: `${BEDROCK}/amazon.nova-lite-v1:0/converse-stream`,
    grants: [],
  },
  'a path that is no encoding': { sigv4: 'bedrock', url: `${BEDROCK}/%E0%A4%A/converse`, grants: [] },
  'a path with a wildcard': {
    sigv4: 'execute-api',
    url: 'https://abc123.execute-api.eu-west-1.amazonaws.com/prod/*',
    grants: [],
  },
  "an API's own domain": { sigv4: 'execute-api', url: 'https://models.example.com/predict', grants: [] },
  'a function URL': { sigv4: 'lambda', url: 'https://abc123.lambda-url.eu-west-1.on.aws/', grants: [] },
  'a service that is unknown': { sigv4: 'vpc-lattice-svcs', url: 'https://models.example.com/predict', grants: [] },
}

const pipeline = (models: string[]) => `
name: signed
quotas:
  default_plan: free
  plans: { free: { requests: 1, tokens: 1, in_flight: 1, priorities: [normal] } }
routing: [{ model: m0 }]
models:
${models.join('\n')}
`

const model = (name: string, endpoint: string) => `
  ${name}:
    endpoint: ${endpoint}
    request: prompt
    response: '{ "result": $ }'`

const endpoints = Object.values(cases).map(({ url, sigv4 }) => `{ url: "${url}", auth: { sigv4: ${sigv4} } }`)
// The synthesis includes cdk-nag. It fails on each finding that is not acknowledged, such as too many rights of a worker.
const { template } = synthesizeText(pipeline(endpoints.map((endpoint, at) => model(`m${at}`, endpoint))))
const ofTheService = (grants: string[]) =>
  grants.filter(grant => /^(sagemaker|bedrock|execute-api|lambda):/.test(grant))

describe('the rights of a worker whose calls are signed', () => {
  it.each(Object.entries(cases).map(([what, of], at) => ({ what, at, ...of })))(
    'are exactly those for the called resource: $what',
    ({ at, grants }) => {
      const allowed = ofTheService(grantsOf(template, functionOf(template, `worker-m${at}`)))

      expect(allowed).toEqual([...grants].sort())
    },
  )

  it('allow calls to a model in other regions only through its inference profile', () => {
    const statements = ofType(template, 'AWS::IAM::Policy')
      .flatMap(({ Properties }) => (Properties.PolicyDocument as { Statement: Record<string, unknown>[] }).Statement)
      .filter(({ Resource }) => JSON.stringify(Resource).includes('bedrock:*'))
    const profiles = statements.map(({ Condition }) =>
      render((Condition as { StringEquals: Record<string, unknown> }).StringEquals['bedrock:InferenceProfileArn']),
    )

    expect(profiles).toEqual([
      arn('bedrock:us-west-2:<AWS::AccountId>:inference-profile/us.amazon.nova-lite-v1:0'),
      arn('bedrock:eu-west-1:111122223333:inference-profile/eu.amazon.nova-lite-v1:0'),
      arn('bedrock:eu-west-1:111122223333:application-inference-profile/abc123'),
    ])
  })

  it('if the URL names no resource, the worker gets no right to call it; an output names the worker’s role, so that the operator can grant the right', () => {
    const nothing = Object.values(cases).flatMap(({ grants }, at) => (grants.length === 0 ? [`Modelm${at}`] : []))
    const outputs = Object.entries(template.Outputs).filter(([name]) => name.includes('RoleArn'))

    expect(outputs.map(([_, { Value }]) => render(Value))).toEqual(nothing.map(of => `<${of}WorkerRole.Arn>`))
  })

  it('a worker whose model has a secret in place of a signature gets no right to call a model on AWS', () => {
    const text = pipeline([model('m0', '{ url: "https://models.example.com/", auth: { secret: KEY } }')])
    const { template: keyed } = synthesizeText(text)

    expect(ofTheService(grantsOf(keyed, functionOf(keyed, 'worker-m0')))).toEqual([])
    expect(Object.keys(keyed.Outputs).filter(name => name.includes('RoleArn'))).toEqual([])
  })
})
