/**
 * A store or queue could not be asked, or its answer was lost: what was asked for may or may not have happened.
 * Adapters turn their SDK's exceptions into this one; nothing else leaves them.
 */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
  readonly what: string

  constructor(what: string, cause: unknown) {
    super(`${what} is unavailable: ${cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)}`, {
      cause,
    })
    this.what = what
  }
}

/** Runs a call of `what`, and turns whatever it throws into `Unavailable`. */
export async function reaching<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw error instanceof Unavailable ? error : new Unavailable(what, error)
  }
}

/** The same for each page of a reading. */
export async function* reachingEach<T>(what: string, pages: AsyncIterator<T>): AsyncGenerator<T> {
  for (;;) {
    const page = await reaching(what, () => pages.next())
    if (page.done) return
    yield page.value
  }
}

/** Takes it that a call failed whose work somebody else repeats, or that is only saved by it. */
export function ignoreUnavailable(error: unknown): void {
  if (!(error instanceof Unavailable)) throw error
}
