/** Returns the address in the URL of a Postgres, without user, password and parameters. So it may be shown and stored. */
export function addressOf(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}
