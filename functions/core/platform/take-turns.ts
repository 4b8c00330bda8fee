type Task = () => Promise<void>

/**
 * Runs tasks one after the other, like `serialize`, but groups take turns: between two tasks of one group, at most one task of each
 * other group runs, even if another group has hundreds. Tasks of one group keep their order.
 */
export function takeTurns(): <T>(group: string | undefined, task: () => Promise<T>) => Promise<T> {
  /** The tasks of each group that wait. The group whose turn is next is first. */
  const waiting = new Map<string | undefined, Task[]>()
  let isRunning = false

  async function runAll(): Promise<void> {
    isRunning = true
    // The loop also visits the groups that are added meanwhile.
    for (const [group, tasks] of waiting) {
      waiting.delete(group)
      const next = tasks.shift()
      if (tasks.length > 0) waiting.set(group, tasks)
      await next?.()
    }
    isRunning = false
  }

  return (group, task) =>
    new Promise((resolve, reject) => {
      const run = () => task().then(resolve, reject)
      const tasks = waiting.get(group)
      if (tasks) tasks.push(run)
      else waiting.set(group, [run])
      if (!isRunning) void runAll()
    })
}
