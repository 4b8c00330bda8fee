import { readFileSync } from 'node:fs'

/**
 * Whether the kernel will send a TCP keep-alive packet on a connection in 30 to 60 s. `port` is the local port of the connection. Only
 * for Linux: in its table /proc/net/tcp, `tr` is 02 for a keep-alive timer, and `tm->when` is in hundredths of a second.
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
