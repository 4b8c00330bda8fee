import { BlockList } from 'node:net'

/** Hosts that are this machine, as a parsed URL has them. */
const LOOPBACK = /^(?:127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\]|(?:.*\.)?localhost)$/

/** Names of link-local services that give credentials to whoever asks. */
const METADATA_NAMES = new Set([
  'instance-data',
  'instance-data.ec2.internal',
  'metadata',
  'metadata.goog',
  'metadata.google.internal',
])

const linkLocal = new BlockList()
linkLocal.addSubnet('169.254.0.0', 16, 'ipv4') // in IPv6's ::ffff: form, too
linkLocal.addSubnet('fe80::', 10, 'ipv6')
linkLocal.addSubnet('fd00:ec2::', 32, 'ipv6') // AWS's own services, by IPv6
// 169.254.0.0/16 in the other forms that an IPv4 address has in IPv6: compatible, NAT64, 6to4.
linkLocal.addSubnet('::a9fe:0', 112, 'ipv6')
linkLocal.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6')
linkLocal.addSubnet('2002:a9fe::', 32, 'ipv6')

/** Whether a URL is of the machine that calls it. */
export const isLoopback = (url: string): boolean => LOOPBACK.test(hostOf(url))

/**
 * Whether a URL is of a link-local address, where no model is, but the cloud's metadata: credentials of the machine that
 * calls it. `new URL` has made dotted IPv4 of every other notation, such as decimal and hexadecimal numbers.
 */
export function isLinkLocal(url: string): boolean {
  const host = hostOf(url)
  const address = host.replace(/^\[(.*)\]$/, '$1')
  if (address !== host) return linkLocal.check(address, 'ipv6')
  return METADATA_NAMES.has(host) || (/^[\d.]+$/.test(host) && linkLocal.check(host, 'ipv4'))
}

const hostOf = (url: string): string => new URL(url).hostname.replace(/\.$/, '')
