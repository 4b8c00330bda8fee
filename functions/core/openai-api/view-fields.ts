import type { RequestView } from '../lifecycle/view-request.ts'

/** Converts a time to OpenAI's form, in whole seconds. */
export const secondsOf = (time: string): number => Math.floor(Date.parse(time) / 1000)

export const serviceTierOf = ({ priority }: Pick<RequestView, 'priority'>): string =>
  priority === 'high' ? 'priority' : 'default'
