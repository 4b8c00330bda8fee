import * as z from 'zod'
import { arn } from './arn.ts'
import type { ResourceDeclaration, Template } from './assembly.ts'
import { LocalError } from './error.ts'
import { PSEUDO_PARAMETERS, resolve, type Scope } from './intrinsics.ts'

const Properties = z.record(z.string(), z.unknown())

/** A created resource: its values for `Ref` and `Fn::GetAtt`. */
export interface Created {
  ref: string
  /** Returns the value of an attribute, or undefined if the local system doesn't have this attribute. */
  attribute(name: string): string | readonly string[] | undefined
}

/** A resource of the template, in the form that the code for its type gets. */
export interface Declared {
  logicalId: string
  type: string
  metadata: Record<string, unknown>
  /** Resolves all intrinsic functions in the properties. It first creates the resources to which the properties refer. */
  properties(): Promise<Record<string, unknown>>
}

export interface StackOptions {
  stackName: string
  template: Template
  /** Creates a resource, or continues with its state from an earlier start. Throws LocalError if the local system does not support the resource's type. */
  create(declared: Declared): Promise<Created>
  /** Replaces the addresses of AWS in a resolved text by the addresses of the local system. */
  localize(text: string): string
}

/**
 * Creates the resources of the template at the same time, but each only after the resources to which it refers. Returns the outputs. Throws
 * LocalError, with the logical id, if the local system does not support a part of the template. It throws only after all other resources are created
 * or have failed.
 */
export async function createStack(options: StackOptions): Promise<Record<string, string>> {
  const { template } = options
  const creating = new Map<string, Promise<Created>>()
  const waits = createWaits(Object.keys(template.Resources))

  /** Creates a resource that the resource `by` needs, or waits until it is created. */
  async function need(logicalId: string, by: string): Promise<Created> {
    const declaration = declared(logicalId, by)
    waits.add(by, logicalId)
    return create(logicalId, declaration)
  }

  function create(logicalId: string, declaration: ResourceDeclaration): Promise<Created> {
    const known = creating.get(logicalId) ?? createOnce(logicalId, declaration)
    creating.set(logicalId, known)
    return known
  }

  async function createOnce(logicalId: string, declaration: ResourceDeclaration): Promise<Created> {
    const scope = scopeOf(logicalId)
    for (const dependency of declaration.DependsOn)
      if (await isWanted(declared(dependency, logicalId), scope)) await need(dependency, logicalId)
    return options.create({
      logicalId,
      type: declaration.Type,
      metadata: declaration.Metadata,
      properties: async () => Properties.parse(await localized(declaration.Properties, scope)),
    })
  }

  function declared(logicalId: string, by: string): ResourceDeclaration {
    const declaration = template.Resources[logicalId]
    if (!declaration) throw new LocalError(`${by}: refers to ${logicalId}, which the template doesn't have.`)
    return declaration
  }

  function scopeOf(where: string): Scope {
    return {
      where,
      async ref(name) {
        if (name === 'AWS::NoValue') return undefined
        if (name === 'AWS::StackName') return options.stackName
        if (name === 'AWS::StackId') return stackId(options.stackName)
        if (name.startsWith('AWS::')) return PSEUDO_PARAMETERS[name] ?? unsupported(where, name)
        if (name in template.Parameters) return template.Parameters[name]?.Default
        return (await need(name, where)).ref
      },
      async attribute(logicalId, name) {
        const value = (await need(logicalId, where)).attribute(name)
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

  const all = Object.entries(template.Resources).map(async ([logicalId, declaration]) => {
    if (await isWanted(declaration, scopeOf(logicalId))) await create(logicalId, declaration)
  })
  // allSettled waits for all resources. So after an error, no creation still runs while the caller closes the system.
  const failed = (await Promise.allSettled(all)).find(result => result.status === 'rejected')
  if (failed) throw failed.reason

  const outputs: Record<string, string> = {}
  for (const [name, output] of Object.entries(template.Outputs)) {
    const scope = scopeOf(`Outputs.${name}`)
    if (await isWanted(output, scope)) outputs[name] = String(await localized(output.Value, scope))
  }
  return outputs
}

/** Records which resource waits for which other resources, to find circular references. */
function createWaits(resources: readonly string[]) {
  const waitsFor = new Map<string, Set<string>>()

  /** Returns the chain of resources through which `from` waits for `to`, both included. Undefined if `from` does not wait for `to`. */
  function chain(from: string, to: string, seen = new Set<string>()): string[] | undefined {
    if (from === to) return [from]
    if (seen.has(from)) return undefined
    seen.add(from)
    for (const next of waitsFor.get(from) ?? []) {
      const rest = chain(next, to, seen)
      if (rest) return [from, ...rest]
    }
    return undefined
  }

  /** Returns the resources of a circle. The list begins and ends with the resource that comes first in the template. */
  function inOrder(circle: readonly string[]): string[] {
    const first = resources.find(id => circle.includes(id)) ?? ''
    const at = circle.indexOf(first)
    return [...circle.slice(at), ...circle.slice(0, at), first]
  }

  return {
    /** Notes that `waiting` waits for `needed`. Throws LocalError if `needed` also waits for `waiting`: both would wait forever. */
    add(waiting: string, needed: string): void {
      const back = chain(needed, waiting)
      if (back) throw new LocalError(`${inOrder(back).join(' → ')}: a circular reference.`)
      const all = waitsFor.get(waiting) ?? new Set()
      waitsFor.set(waiting, all.add(needed))
    },
  }
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
