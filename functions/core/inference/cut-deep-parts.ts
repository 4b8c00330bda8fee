import { isContainer } from '../domain/json-value.ts'

/**
 * Replaces each list and each object that is deeper than `levels` by null, in the value itself. The replacement goes
 * from level to level, because a function that calls itself for each level would use up the stack.
 */
export function cutDeepParts(value: unknown, levels: number): void {
  let containers = [value].filter(isContainer)
  for (let level = 1; level < levels; level++) containers = containers.flatMap(childrenOf)
  for (const container of containers)
    for (const [key, child] of Object.entries(container)) if (isContainer(child)) Reflect.set(container, key, null)
}

const childrenOf = (container: object): object[] => Object.values(container).filter(isContainer)
