/** What a signed call needs: an action on the resources that its URL names. */
export interface Access {
  readonly action: string
  readonly resources: readonly string[]
  /** An inference profile, and the id of the foundation model that it leads to, in whatever region; or `*`. */
  readonly behindProfile?: { readonly profile: string; readonly model: string }
}

/** Writes the ARN of a resource in the account of the stack, and in the region that the URL's host names. */
export type WriteArn = (resource: string, name: string, region?: string, account?: string) => string

const ACTION = 'bedrock:InvokeModel'

/** `us.`, `eu.`, `us-gov.`: the regions that a profile of AWS chooses from. */
const GEOGRAPHY = /^(?:[a-z]{2}(?:-[a-z]+)?|apac|global)\./

/** Of the ARNs that a path may hold instead of an id, those that are themselves the resource. */
const INVOKED = /^arn:[a-z-]+:bedrock:([a-z0-9-]*):(\d*):([a-z-]+)\/([\w.:-]+)$/
const PLAIN = ['foundation-model', 'provisioned-model', 'imported-model', 'custom-model-deployment']

/**
 * What a call of `/model/ID/invoke` or `/converse` needs: the foundation model, or the inference profile and the models
 * behind it. Undefined for what the id alone does not say, such as a prompt router.
 */
export function bedrockAccess(arn: WriteArn, { pathname }: URL): Access | undefined {
  const [, encoded] = /^\/model\/([^/]+)\/(?:invoke|converse)$/.exec(pathname) ?? []
  if (encoded === undefined) return undefined
  const id = decode(encoded)
  const [, region, account, kind = '', name = ''] = INVOKED.exec(id) ?? []
  if (kind === 'inference-profile') return profile(arn('inference-profile', name, region, account), name)
  if (kind === 'application-inference-profile') {
    const own = arn(kind, name, region, account)
    return { action: ACTION, resources: [own], behindProfile: { profile: own, model: '*' } }
  }
  if (PLAIN.includes(kind)) return { action: ACTION, resources: [arn(kind, name, region, account)] }
  if (!/^[\w.:-]+$/.test(id) || id.startsWith('arn:')) return undefined
  if (GEOGRAPHY.test(id)) return profile(arn('inference-profile', id), id)
  return { action: ACTION, resources: [arn('foundation-model', id, undefined, '')] }
}

const profile = (own: string, id: string): Access => ({
  action: ACTION,
  resources: [own],
  behindProfile: { profile: own, model: id.replace(GEOGRAPHY, '') },
})

/** A URL may hold what is no encoding of anything. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
