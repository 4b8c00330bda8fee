import type { Member } from './plan-batch.ts'

/** A message that has to come again, and why. */
export interface Undone {
  readonly member: Member
  readonly error: unknown
}

/** Runs steps for several messages: one that fails is left out of the next steps. */
export function createSteps() {
  const undone: Undone[] = []
  return {
    undone,
    async forEach<In extends Member, Out>(
      list: readonly In[],
      step: (one: In) => Promise<Out | undefined>,
    ): Promise<Out[]> {
      const outs = await Promise.all(
        list.map(async member => {
          try {
            return await step(member)
          } catch (error) {
            undone.push({ member, error })
            return undefined
          }
        }),
      )
      return outs.filter(out => out !== undefined)
    },
    async forAll<Out>(list: readonly Member[], step: () => Promise<Out>): Promise<Out | undefined> {
      if (list.length === 0) return undefined
      try {
        return await step()
      } catch (error) {
        undone.push(...list.map(member => ({ member, error })))
        return undefined
      }
    },
  }
}
