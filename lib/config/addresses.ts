import { BlockList, isIP } from 'node:net'

/** Matches the hosts that mean the calling machine itself, in the form that a parsed URL gives them. */
const LOOPBACK = /^(?:127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\]|(?:.*\.)?localhost)$/

/** The names of link-local services that give credentials to any caller. */
const METADATA_NAMES = new Set([
  'instance-data',
  'instance-data.ec2.internal',
  'metadata',
  'metadata.goog',
  'metadata.google.internal',
])

const linkLocal = new BlockList()
linkLocal.addSubnet('169.254.0.0', 16, 'ipv4') // This also covers the ::ffff: form of IPv6.
linkLocal.addSubnet('fe80::', 10, 'ipv6')
linkLocal.addSubnet('fd00:ec2::', 32, 'ipv6') // AWS's own services over IPv6.
// IPv6 can write 169.254.0.0/16 in three more forms: compatible, NAT64 and 6to4.
linkLocal.addSubnet('::a9fe:0', 112, 'ipv6')
linkLocal.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6')
linkLocal.addSubnet('2002:a9fe::', 32, 'ipv6')

const privateAddresses = new BlockList()
privateAddresses.addSubnet('10.0.0.0', 8, 'ipv4')
privateAddresses.addSubnet('172.16.0.0', 12, 'ipv4')
privateAddresses.addSubnet('192.168.0.0', 16, 'ipv4')
privateAddresses.addSubnet('100.64.0.0', 10, 'ipv4') // A VPC may have these addresses, too.
privateAddresses.addSubnet('fc00::', 7, 'ipv6')

/** Matches names that no public DNS server resolves to a public address, such as those of AWS's internal load balancers. */
const PRIVATE_NAME =
  /^(?:[^.]+|.*\.(?:internal|local|lan|home\.arpa)|internal-.*\.elb\.amazonaws\.com|.*\.vpce\.amazonaws\.com)$/

/**
 * Returns whether a URL leads into the internet. Returns undefined if the name alone does not show whether it is public
 * or private.
 */
export function isPublic(url: string): boolean | undefined {
  const host = hostOf(url)
  const address = host.replace(/^\[(.*)\]$/, '$1')
  const version = isIP(address)
  if (isLoopback(url)) return false
  if (version !== 0) return !privateAddresses.check(address, version === 4 ? 'ipv4' : 'ipv6')
  return PRIVATE_NAME.test(host) ? false : undefined
}

/** Returns whether a URL leads to the machine that calls it. */
export const isLoopback = (url: string): boolean => LOOPBACK.test(hostOf(url))

/**
 * Returns whether a URL leads to a link-local address. No model runs there, but the cloud's metadata service does, and
 * it gives out the credentials of the calling machine. `new URL` has already turned every other notation of IPv4
 * (decimal, hexadecimal) into the dotted one.
 */
export function isLinkLocal(url: string): boolean {
  const host = hostOf(url)
  const address = host.replace(/^\[(.*)\]$/, '$1')
  if (address !== host) return linkLocal.check(address, 'ipv6')
  return METADATA_NAMES.has(host) || (/^[\d.]+$/.test(host) && linkLocal.check(host, 'ipv4'))
}

const hostOf = (url: string): string => new URL(url).hostname.replace(/\.$/, '')
