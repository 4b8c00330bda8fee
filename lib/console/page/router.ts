import { useEffect, useState } from 'preact/hooks'
import { addressOf, type Query } from './api.ts'

/** The place in the console, which the page's address names after `#`: `#/requests/{id}` or `#/requests?status=failed`. */
export interface Place {
  /** The view, such as `requests`. It is empty for the overview. */
  readonly view: string
  /** The part after the view. */
  readonly id: string | undefined
  readonly query: Readonly<Record<string, string>>
}

export const linkTo = (path: string, query: Query = {}): string => `#/${addressOf(path, query)}`

export function go(path: string, query: Query = {}): void {
  location.hash = linkTo(path, query)
}

function placeOf(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  const [view = '', ...rest] = path.split('/')
  const id = rest.join('/')
  return { view, id: id === '' ? undefined : decoded(id), query: Object.fromEntries(new URLSearchParams(query)) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export function usePlace(): Place {
  const [place, setPlace] = useState(placeOf(location.hash))
  useEffect(() => {
    const follow = () => setPlace(placeOf(location.hash))
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return place
}
