import { Unavailable } from '../../functions/core/platform/unavailable.ts'

type Method = (...args: never[]) => Promise<unknown>

/**
 * Returns `port` with one method that rejects with `Unavailable`. It rejects `before` the call has an effect, or `after` it, as if the
 * answer was lost. Only calls for which `which` returns true fail. Without `which`, all calls fail.
 */
export function failing<Port extends object, Name extends keyof Port>(
  port: Port,
  name: Name,
  when: 'before' | 'after',
  which: (...args: unknown[]) => boolean = () => true,
): Port {
  const method = port[name] as Method
  const broken = async (...args: never[]) => {
    const fails = which(...args)
    if (fails && when === 'before') throw new Unavailable(String(name), new Error('no connection'))
    const answer = await method.apply(port, args)
    if (fails) throw new Unavailable(String(name), new Error('the answer was lost'))
    return answer
  }
  return { ...port, [name]: broken }
}
