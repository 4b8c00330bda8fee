/** Runs tasks one after the other, each when those before have settled. A task that fails fails alone. */
export function inTurn(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return task => {
    const done = last.then(task)
    last = done.catch(() => undefined)
    return done
  }
}
