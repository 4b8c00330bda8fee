import { describe, expect, it } from 'vitest'
import { endpoint, lines, pipelineText, refusal } from './pipelines.ts'

const LINK_LOCAL = 'must not be a link-local address: no model is there, but credentials of the machine that calls it'
const NO_HTTPS = 'must be an https URL, since auth is sent there; http is only for this machine itself'

const ofUrl = (url: string) => refusal(pipelineText(endpoint(`url: ${JSON.stringify(url)}`)))

describe('a link-local address of a model', () => {
  it.each([
    'http://169.254.169.254/latest/meta-data/iam/security-credentials/',
    'https://169.254.170.2/v2/credentials',
    'http://169.254.0.1:8080/',
    'http://169.254.169.254./',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://0xA9.0xFE.0xA9.0xFE/',
    'http://0251.0376.0251.0376/',
    'http://169.254.43518/',
    'http://169.16689662/',
    'http://%31%36%39.254.169.254/',
    'http://①⑥⑨.254.169.254/',
    'http://169。254。169。254/',
    'http://[::ffff:169.254.169.254]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[0:0:0:0:0:FFFF:A9FE:A9FE]/',
    'http://[::169.254.169.254]/',
    'http://[64:ff9b::169.254.169.254]/',
    'http://[2002:a9fe:a9fe::1]/',
    'http://[fe80::1]/',
    'http://[febf::1]/',
    'http://[fd00:ec2::254]/',
    'http://[fd00:0ec2:0:0::0254]:80/',
    'http://metadata.google.internal/computeMetadata/v1/',
    'http://METADATA.google.internal./',
    'http://instance-data/latest/',
  ])('a link-local address is refused: %s', url => {
    expect(ofUrl(url)).toBe(`p.yaml:12:22: models.text.endpoint.url ${LINK_LOCAL}`)
  })

  it('a link-local address is refused in batch.url, too', () => {
    const batch = { extra: '    batch: { count: 2, period: 1s, url: "http://169.254.169.254/" }' }
    expect(refusal(pipelineText(batch))).toBe(`p.yaml:15:41: models.text.batch.url ${LINK_LOCAL}`)
  })

  it.each([
    { url: `\${URL}`, env: { URL: 'http://169.254.169.254/' } },
    { url: `http://\${A}.\${B}.169.254/`, env: { A: '169', B: '254' } },
    { url: `http://\${HOST:0xa9fea9fe}/`, env: {} },
    { url: `http://[\${HOST}]/`, env: { HOST: 'fd00:ec2::254' } },
  ])(
    'a link-local address is refused if the values of variables make it, and the error does not show these values: $url',
    ({ url, env }) => {
      expect(refusal(pipelineText(endpoint(`url: ${JSON.stringify(url)}`)), env)).toBe(
        `p.yaml:12:22: models.text.endpoint.url ${LINK_LOCAL}`,
      )
    },
  )

  it.each([
    'http://169.253.255.255/',
    'http://169.255.0.0/',
    'http://10.0.0.1/',
    'http://[fec0::1]/',
    'http://[fd00:ec3::254]/',
    'http://169.254.169.254.example.com/',
    'http://example.com/169.254.169.254',
    'http://127.0.0.1:8081/predict',
  ])('a link-local address is not confused with %s', url => {
    expect(ofUrl(url)).toBe('accepted')
  })
})

describe('an http URL with auth', () => {
  it.each(['secret: K', 'sigv4: sagemaker'])('an http URL with auth is refused with { %s }', auth => {
    expect(refusal(pipelineText(endpoint(`url: "http://models.example.com/", auth: { ${auth} }`)))).toBe(
      `p.yaml:12:22: models.text.endpoint.url ${NO_HTTPS}`,
    )
  })

  it('an http URL with auth is refused in batch.url and from a variable, too', () => {
    const both = {
      ...endpoint(`url: "\${URL}", auth: { secret: K }`),
      extra: '    batch: { count: 2, period: 1s, url: "http://10.1.2.3/b" }',
    }
    expect(refusal(pipelineText(both), { URL: 'http://localhost.example.com/?password=hunter2' })).toBe(
      lines(`p.yaml:12:22: models.text.endpoint.url ${NO_HTTPS}`, `p.yaml:15:41: models.text.batch.url ${NO_HTTPS}`),
    )
  })

  it.each([
    'https://models.example.com/',
    'http://127.0.0.1:8081/',
    'http://127.9.9.9/',
    'http://localhost/',
    'http://model.localhost/',
    'http://[::1]/',
    'http://2130706433/',
  ])('an http URL with auth is accepted if it is an address of this machine or an https URL: %s', url => {
    expect(refusal(pipelineText(endpoint(`url: "${url}", auth: { secret: K }`)))).toBe('accepted')
  })

  it.each(['http://127.0.0.1.example.com/', 'http://localhost.example.com/', 'http://128.0.0.1/', 'http://[::2]/'])(
    'an http URL with auth is refused if it only looks like an address of this machine: %s',
    url => {
      expect(refusal(pipelineText(endpoint(`url: "${url}", auth: { secret: K }`)))).toContain(NO_HTTPS)
    },
  )
})
