import { readFileSync } from 'node:fs'

/**
 * Whether the kernel asks the other side of a connection of this machine after at most 60 s whether it is still there. The connection is
 * known by its local port. Linux only: in its table, `tr` is 02 for a keep-alive timer, and `tm->when` is in hundredths of a second.
 */
export function keepAliveOf(port = 0): boolean {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const row = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .find(([, address]) => address === local)
  const [timer, when = ''] = row?.[5]?.split(':') ?? []
  return timer === '02' && Number.parseInt(when, 16) <= 6_000 && Number.parseInt(when, 16) > 3_000
}
