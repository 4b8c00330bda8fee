import { MAX_SIZE, tooLarge } from './prepare.ts'

type ExitHook = (expression: unknown, input: unknown, environment: unknown, result: unknown) => void

/**
 * Limits the size of texts and lists in this thread. A single huge text or list would end the whole process and not
 * only the thread.
 *
 * This function replaces two functions of JavaScript. So call it only in a thread that does nothing but evaluate.
 * JSONata uses the two functions wherever one step can make a large text from a small one: `join` (for `$join`, `$pad`,
 * pictures) and `JSON.stringify` (for `$string`, `&`).
 *
 * Other functions can double a value in each step (`&`, `$append`, `$replace`). So this function returns a hook for
 * JSONata, which calls the hook after each step. The hook checks the size of the step's result.
 */
export function boundSizes(): ExitHook {
  boundJoin()
  boundStringify()
  return (_expression, _input, _environment, result) => {
    if ((typeof result === 'string' || Array.isArray(result)) && result.length > MAX_SIZE) throw tooLarge()
  }
}

function boundJoin(): void {
  const { join } = Array.prototype
  Array.prototype.join = function (this: unknown[], separator = ',') {
    let size = (this.length - 1) * String(separator).length
    for (let index = 0; index < this.length && size <= MAX_SIZE; index++) {
      const item = this[index]
      if (typeof item === 'string') size += item.length
    }
    if (size > MAX_SIZE) throw tooLarge()
    return join.call(this, separator)
  }
}

type Replacer = (this: unknown, key: string, value: unknown) => unknown

function boundStringify(): void {
  const { stringify } = JSON
  JSON.stringify = (value: unknown, replacer?: unknown, space?: string | number) => {
    const replace: Replacer = typeof replacer === 'function' ? (replacer as Replacer) : (_key, part) => part
    let size = 0
    function count(this: unknown, key: string, part: unknown): unknown {
      const kept = replace.call(this, key, part)
      size += key.length + 1 + (typeof kept === 'string' ? kept.length : 1)
      if (size > MAX_SIZE) throw tooLarge()
      return kept
    }
    return stringify(value, count, space)
  }
}
