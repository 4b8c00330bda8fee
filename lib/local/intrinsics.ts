import * as z from 'zod'
import { ACCOUNT, PARTITION, REGION } from './arn.ts'
import { LocalError } from './error.ts'

/** The values of a template that an intrinsic function of CloudFormation, such as `Ref`, can look up. */
export interface Scope {
  /** The logical id or the output that is being resolved. Every error names it. */
  where: string
  ref(name: string): Promise<unknown>
  attribute(logicalId: string, name: string): Promise<unknown>
  condition(name: string): Promise<boolean>
}

type Intrinsic = (argument: unknown, scope: Scope) => Promise<unknown>

const intrinsics: Record<string, Intrinsic> = {
  Ref: (argument, scope) => scope.ref(z.string().parse(argument)),

  'Fn::GetAtt': (argument, scope) => {
    const [logicalId = '', ...name] =
      typeof argument === 'string' ? argument.split('.') : z.array(z.string()).parse(argument)
    return scope.attribute(logicalId, name.join('.'))
  },

  'Fn::Join': async (argument, scope) => {
    const [separator, parts] = z.tuple([z.string(), z.unknown()]).parse(argument)
    return z
      .array(Scalar)
      .parse(await resolve(parts, scope))
      .join(separator)
  },

  'Fn::Select': async (argument, scope) => {
    const [index, list] = z.tuple([z.coerce.number(), z.array(z.unknown())]).parse(await resolve(argument, scope))
    if (!(index in list)) throw new LocalError(`${scope.where}: Fn::Select has no element ${index}.`)
    return list[index]
  },

  'Fn::Split': async (argument, scope) => {
    const [separator, text] = z.tuple([z.string(), z.string()]).parse(await resolve(argument, scope))
    return text.split(separator)
  },

  'Fn::GetAZs': async () => ['a', 'b', 'c'].map(zone => `${REGION}${zone}`),

  'Fn::Sub': async (argument, scope) => {
    const [text, variables] = typeof argument === 'string' ? [argument, {}] : SubWithVariables.parse(argument)
    return substitute(text, variables, scope)
  },

  'Fn::If': async (argument, scope) => {
    const [name, yes, no] = z.tuple([z.string(), z.unknown(), z.unknown()]).parse(argument)
    return resolve((await scope.condition(name)) ? yes : no, scope)
  },

  'Fn::Equals': async (argument, scope) => {
    const [left, right] = z.tuple([Scalar, Scalar]).parse(await resolve(argument, scope))
    return String(left) === String(right)
  },
  'Fn::And': async (argument, scope) => (await conditions(argument, scope)).every(Boolean),
  'Fn::Or': async (argument, scope) => (await conditions(argument, scope)).some(Boolean),
  'Fn::Not': async (argument, scope) => !(await conditions(argument, scope))[0],
  Condition: (argument, scope) => scope.condition(z.string().parse(argument)),
}

const Scalar = z.union([z.string(), z.number(), z.boolean()])
const SubWithVariables = z.tuple([z.string(), z.record(z.string(), z.unknown())])

/** The pseudo parameters of `Ref` that are the same for each stack. `AWS::StackName` and `AWS::StackId` depend on the stack, so they are in stack.ts. */
export const PSEUDO_PARAMETERS: Record<string, string> = {
  'AWS::Region': REGION,
  'AWS::AccountId': ACCOUNT,
  'AWS::Partition': PARTITION,
  'AWS::URLSuffix': 'amazonaws.com',
}

/**
 * Replaces every intrinsic function in a template value by its result. `Ref: AWS::NoValue` removes the property or element. Throws LocalError
 * if `intrinsics` does not have the function.
 */
export async function resolve(value: unknown, scope: Scope): Promise<unknown> {
  if (Array.isArray(value)) {
    const elements: unknown[] = []
    for (const element of value) elements.push(await resolve(element, scope))
    return elements.filter(element => element !== undefined)
  }
  if (typeof value !== 'object' || value === null) return value

  const entries = Object.entries(value)
  const [name, argument] = entries[0] ?? []
  if (entries.length === 1 && name !== undefined && isIntrinsic(name, argument)) {
    const intrinsic = intrinsics[name]
    if (!intrinsic) throw new LocalError(`${scope.where}: ${name} is not supported by the local system.`)
    return intrinsic(argument, scope)
  }
  const resolved: Record<string, unknown> = {}
  for (const [key, inner] of entries) {
    const result = await resolve(inner, scope)
    if (result !== undefined) resolved[key] = result
  }
  return resolved
}

// `Condition` may be an intrinsic or the name of a property. Only the intrinsic has a text as its value, so any other value means a property.
function isIntrinsic(name: string, argument: unknown): boolean {
  return name === 'Ref' || name.startsWith('Fn::') || (name === 'Condition' && typeof argument === 'string')
}

async function conditions(argument: unknown, scope: Scope): Promise<boolean[]> {
  return z.array(z.boolean()).parse(await resolve(argument, scope))
}

async function substitute(text: string, variables: Record<string, unknown>, scope: Scope): Promise<string> {
  let result = ''
  let end = 0
  for (const match of text.matchAll(/\$\{(!?)([^}]+)\}/g)) {
    const [whole, literal, name = ''] = match
    result += text.slice(end, match.index)
    result += literal ? `\${${name}}` : String(await variable(name, variables, scope))
    end = match.index + whole.length
  }
  return result + text.slice(end)
}

function variable(name: string, variables: Record<string, unknown>, scope: Scope): Promise<unknown> {
  if (name in variables) return resolve(variables[name], scope)
  const [logicalId = '', ...attribute] = name.split('.')
  return attribute.length === 0 ? scope.ref(name) : scope.attribute(logicalId, attribute.join('.'))
}
