import { existsSync } from 'node:fs'
import { posix } from 'node:path'

/** The documents, rules, invariants and decisions of the repository that can be cited. */
export interface Citable {
  /** Paths from the root of all Markdown files. */
  readonly pages: ReadonlySet<string>
  /** Numbers of the rules in docs/architecture.md. */
  readonly rules: ReadonlySet<number>
  /** Numbers of the invariants in docs/architecture.md. */
  readonly invariants: ReadonlySet<number>
  /** The four-digit numbers of the decisions in docs/adr/. */
  readonly decisions: ReadonlySet<string>
}

interface Kind {
  readonly pattern: RegExp
  /** Returns what is wrong with the citation, or undefined if it is right. */
  readonly problem: (cited: string, citable: Citable, path: string) => string | undefined
}

/** Names of files in npm packages. A citation of such a file does not mean a file of this repository. */
const OF_PACKAGES = new Set(['LICENSE.md'])

const KINDS: readonly Kind[] = [
  {
    pattern: /([\w./-]*\b[\w-]+\.md)\b/g,
    problem: (cited, { pages }) => {
      const path = cited.replace(/^(\.\.?\/)+/, '')
      const isKnown = OF_PACKAGES.has(path) || [path, `docs/${path}`].some(candidate => pages.has(candidate))
      return isKnown ? undefined : `${cited} is not in the repository`
    },
  },
  {
    pattern: /(§)(?<!RFC \d+,? §)/g,
    problem: () => 'a section (§) of something other than an RFC: name a rule, an invariant or a page',
  },
  {
    pattern: /\b(as the contract|the contract (?:says|has|names)|the contract's|contract §)/gi,
    problem: cited => `"${cited}" names a document without its path`,
  },
  {
    // Only comments are checked, because code and texts of tests may name made-up files.
    pattern: /(?:\/\/|^ *\/?\*\*?) .*?((?:\.\.\/)+[\w./-]*\w)/gm,
    problem: (cited, _, path) =>
      existsSync(posix.join(posix.dirname(path), cited)) ? undefined : `${cited} is not in the repository`,
  },
  {
    pattern: /\brules? (\d+)\b/gi,
    problem: (cited, { rules }) =>
      rules.has(Number(cited)) ? undefined : `rule ${cited} is not in docs/architecture.md`,
  },
  {
    pattern: /\bI(\d{1,2})\b/g,
    problem: (cited, { invariants }) =>
      invariants.has(Number(cited)) ? undefined : `I${cited} is not in docs/architecture.md`,
  },
  {
    pattern: /\b(?:ADR |docs\/adr\/)(\d{4})\b/g,
    problem: (cited, { decisions }) => (decisions.has(cited) ? undefined : `ADR ${cited} is not in docs/adr`),
  },
]

/** Finds citations of documents, rules, invariants and decisions that the repository does not have. Returns one line per finding. */
export function wrongCitations(path: string, text: string, citable: Citable): string[] {
  return KINDS.flatMap(({ pattern, problem }) =>
    [...text.matchAll(pattern)].flatMap(({ index, 1: cited = '' }) => {
      const wrong = problem(cited, citable, path)
      return wrong === undefined ? [] : [`${path}:${text.slice(0, index).split('\n').length}: ${wrong}`]
    }),
  )
}

/** The GitHub anchors of a page's headings. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const headings = [...markdown.matchAll(/^#{1,6} (.*)$/gm)].map(([, title = '']) => title)
  return new Set(
    headings.map(title =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}
