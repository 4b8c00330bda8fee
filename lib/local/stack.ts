import * as z from 'zod'
import { arn } from './arn.ts'
import type { ResourceDeclaration, Template } from './assembly.ts'
import { LocalError } from './error.ts'
import { PSEUDO_PARAMETERS, resolve, type Scope } from './intrinsics.ts'

const Properties = z.record(z.string(), z.unknown())

/** A created resource, as `Ref` and `Fn::GetAtt` see it. */
export interface Created {
  ref: string
  /** The value of an attribute, or undefined for one that the local system doesn't have. */
  attribute(name: string): string | readonly string[] | undefined
}

/** A declared resource, as the code of its type sees it. */
export interface Declared {
  logicalId: string
  type: string
  metadata: Record<string, unknown>
  /** Resolves all intrinsics in the properties. It first creates the resources to which they refer. */
  properties(): Promise<Record<string, unknown>>
}

export interface StackOptions {
  stackName: string
  template: Template
  /** Creates a resource, or goes on with its state from an earlier start. Throws LocalError for a type that it doesn't know. */
  create(declared: Declared): Promise<Created>
  /** Changes a resolved text, if it contains an address of AWS that has another address on this machine. */
  localize(text: string): string
}

/**
 * Creates the resources of the template one after the other, each after those to which it refers, and returns the outputs. If the
 * local system does not support something, it throws LocalError with the logical id.
 */
export async function createStack(options: StackOptions): Promise<Record<string, string>> {
  const { template } = options
  const created = new Map<string, Created>()

  async function create(logicalId: string, path: readonly string[]): Promise<Created> {
    const known = created.get(logicalId)
    if (known) return known
    if (path.includes(logicalId)) throw new LocalError(`${[...path, logicalId].join(' → ')}: a circular reference.`)
    const declaration = declared(logicalId, path)
    const here = [...path, logicalId]
    const scope = scopeOf(here)
    for (const dependency of declaration.DependsOn)
      if (await isWanted(declared(dependency, here), scope)) await create(dependency, here)
    const result = await options.create({
      logicalId,
      type: declaration.Type,
      metadata: declaration.Metadata,
      properties: async () => Properties.parse(await localized(declaration.Properties, scope)),
    })
    created.set(logicalId, result)
    return result
  }

  function declared(logicalId: string, path: readonly string[]): ResourceDeclaration {
    const declaration = template.Resources[logicalId]
    if (!declaration) throw new LocalError(`${path.at(-1)}: refers to ${logicalId}, which the template doesn't have.`)
    return declaration
  }

  function scopeOf(path: readonly string[]): Scope {
    const where = path.at(-1) ?? ''
    return {
      where,
      async ref(name) {
        if (name === 'AWS::NoValue') return undefined
        if (name === 'AWS::StackName') return options.stackName
        if (name === 'AWS::StackId') return stackId(options.stackName)
        if (name.startsWith('AWS::')) return PSEUDO_PARAMETERS[name] ?? unsupported(where, name)
        if (name in template.Parameters) return template.Parameters[name]?.Default
        return (await create(name, path)).ref
      },
      async attribute(logicalId, name) {
        const value = (await create(logicalId, path)).attribute(name)
        return value ?? unsupported(where, `Fn::GetAtt ${logicalId}.${name}`)
      },
      async condition(name) {
        if (!(name in template.Conditions)) throw new LocalError(`${where}: the template has no condition ${name}.`)
        return (await resolve(template.Conditions[name], this)) === true
      },
    }
  }

  async function localized(value: unknown, scope: Scope): Promise<unknown> {
    return mapTexts(await resolve(value, scope), options.localize)
  }

  for (const [logicalId, declaration] of Object.entries(template.Resources))
    if (await isWanted(declaration, scopeOf([logicalId]))) await create(logicalId, [])

  const outputs: Record<string, string> = {}
  for (const [name, output] of Object.entries(template.Outputs)) {
    const scope = scopeOf([`Outputs.${name}`])
    if (await isWanted(output, scope)) outputs[name] = String(await localized(output.Value, scope))
  }
  return outputs
}

export function stackId(stackName: string): string {
  return arn('cloudformation', `stack/${stackName}/local`)
}

async function isWanted(declaration: { Condition?: string | undefined }, scope: Scope): Promise<boolean> {
  return declaration.Condition === undefined || scope.condition(declaration.Condition)
}

function unsupported(where: string, what: string): never {
  throw new LocalError(`${where}: ${what} is not supported by the local system.`)
}

function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value)
  if (Array.isArray(value)) return value.map(element => mapTexts(element, map))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapTexts(inner, map)]))
}
