/** Whole numbers that JavaScript can add exactly, because they have at most 15 digits. */
const SMALL = /^-?\d{1,15}$/

/** Returns the exact sum of two decimal numbers without exponents. */
export function plus(a: string, b: string): string {
  if (SMALL.test(a) && SMALL.test(b)) return String(Number(a) + Number(b))
  const places = Math.max(placesOf(a), placesOf(b))
  return decimal(scaled(a, places) + scaled(b, places), places)
}

export const minus = (a: string, b: string): string => plus(a, b.startsWith('-') ? b.slice(1) : `-${b}`)

const placesOf = (text: string): number => text.split('.')[1]?.length ?? 0

function scaled(text: string, places: number): bigint {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(places, '0'))
}

function decimal(value: bigint, places: number): string {
  const digits = String(value < 0n ? -value : value).padStart(places + 1, '0')
  const whole = digits.slice(0, digits.length - places)
  const fraction = digits.slice(digits.length - places).replace(/0+$/, '')
  return (value < 0n ? '-' : '') + (fraction === '' ? whole : `${whole}.${fraction}`)
}
