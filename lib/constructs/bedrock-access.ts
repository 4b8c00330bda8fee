/** The permission that a signed call needs: one action on the resources that its URL names. */
export interface Access {
  readonly action: string
  readonly resources: readonly string[]
  /** An inference profile, and the id of the foundation model behind it (or `*`). The model may be in any region. */
  readonly behindProfile?: { readonly profile: string; readonly model: string }
}

/**
 * Writes the ARN of a resource. Default of `account`: the stack's account. Default of `region`: the region in the host
 * of the model's URL.
 */
export type WriteArn = (resource: string, name: string, region?: string, account?: string) => string

const ACTION = 'bedrock:InvokeModel'

/** Matches `us.`, `eu.`, `us-gov.`: the set of regions from which an AWS inference profile chooses. */
const GEOGRAPHY = /^(?:[a-z]{2}(?:-[a-z]+)?|apac|global)\./

/** Matches an ARN that the path of a URL may contain instead of a model's id. */
const INVOKED = /^arn:[a-z-]+:bedrock:([a-z0-9-]*):(\d*):([a-z-]+)\/([\w.:-]+)$/
/** The kinds of resources whose permission names the ARN in the path, and no other resource. */
const INVOKED_BY_ARN = ['foundation-model', 'provisioned-model', 'imported-model', 'custom-model-deployment']

/**
 * Finds the permission for a call of `/model/ID/invoke` or `/converse`: the foundation model, or the inference profile
 * and the models behind it. Returns undefined if the id does not say which resources the call needs. An example is the
 * ARN of a prompt router, which chooses among several models.
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
  if (INVOKED_BY_ARN.includes(kind)) return { action: ACTION, resources: [arn(kind, name, region, account)] }
  if (!/^[\w.:-]+$/.test(id) || id.startsWith('arn:')) return undefined
  if (GEOGRAPHY.test(id)) return profile(arn('inference-profile', id), id)
  return { action: ACTION, resources: [arn('foundation-model', id, undefined, '')] }
}

const profile = (own: string, id: string): Access => ({
  action: ACTION,
  resources: [own],
  behindProfile: { profile: own, model: id.replace(GEOGRAPHY, '') },
})

/** Decodes a part of a URL. A text that is not a valid encoding gives ''. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
