import type { Price } from './prices.ts'

/** One line of a bill: a quantity, its price, and the product. */
export interface Item {
  readonly service: string
  readonly what: string
  readonly quantity: number
  readonly unit: string
  readonly unit_usd: number
  readonly usd: number
}

/** Makes the line of a bill for a quantity of one thing. */
export const item = (service: string, what: string, quantity: number, { usd, unit }: Price): Item => ({
  service,
  what,
  quantity,
  unit,
  unit_usd: usd,
  usd: quantity * usd,
})

export const sumOf = (items: readonly Item[]): number => items.reduce((sum, { usd }) => sum + usd, 0)
