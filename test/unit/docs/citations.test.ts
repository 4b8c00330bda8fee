import { existsSync, globSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { anchorsOf, type Citable, wrongCitations } from '../../support/citations.ts'

const read = (path: string): string => readFileSync(path, 'utf8')
const numbersOf = (text: string, pattern: RegExp): number[] =>
  [...text.matchAll(pattern)].map(([, number]) => Number(number))

const architecture = read('docs/architecture.md')
const chapter = (title: string): string => architecture.split(/^## /m).find(text => text.startsWith(title)) ?? ''
const rules = numbersOf(chapter('Rules'), /^(\d+)\. /gm)
const invariants = numbersOf(chapter('Invariants'), /^- \*\*I(\d+)\*\*/gm)
const decisions = globSync('docs/adr/[0-9]*.md')
const pages = globSync(['*.md', 'docs/**/*.md'])

const citable: Citable = {
  pages: new Set(pages),
  rules: new Set(rules),
  invariants: new Set(invariants),
  decisions: new Set(decisions.map(path => posix.basename(path).slice(0, 4))),
}

/** These two files contain wrong citations on purpose. */
const ABOUT_CITATIONS = ['test/unit/docs/citations.test.ts', 'test/support/citations.ts']
const sources = globSync(['{functions,lib,bin,test}/**/*.ts', '.ci/*', '*.ts']).filter(
  path => !ABOUT_CITATIONS.includes(path),
)

describe('docs/architecture.md', () => {
  it('numbers its rules and invariants without a gap', () => {
    expect(rules).toEqual(Array.from({ length: 10 }, (_, index) => index + 1))
    expect(invariants).toEqual(Array.from({ length: 12 }, (_, index) => index + 1))
  })

  it('has the invariants that docs/guarantees.md explains', () => {
    expect(numbersOf(read('docs/guarantees.md'), /^\| I(\d+) \|/gm)).toEqual(invariants)
  })

  it('names only folders that exist', () => {
    const inCore = /^\| `(core\/[a-z/-]+?)\/?`/gm
    const named = [...architecture.matchAll(inCore)].map(([, folder]) => `functions/${folder}`)
    expect(named.length).toBeGreaterThan(4)
    expect(named.filter(folder => !existsSync(folder.replace(/\/stores\/\*$/, '/stores')))).toEqual([])
  })
})

describe('docs/glossary.md', () => {
  const [table = ''] = read('docs/glossary.md').split('## ')
  const terms = [...table.matchAll(/^\| ([a-z][\w ,-]*?) \| /gm)]
    .map(([, term]) => term)
    .filter(term => term !== 'term')

  it('has each term once, in alphabetical order', () => {
    expect(terms.length).toBeGreaterThan(60)
    expect(terms).toEqual([...new Set(terms)].toSorted((a, b) => String(a).localeCompare(String(b), 'en')))
  })
})

describe('docs/adr/README.md', () => {
  it('lists each decision with its title', () => {
    const rows = decisions.map(path => {
      const [, number, title] = /^# (\d{4}) (.*)$/m.exec(read(path)) ?? []
      return `| [${number}](${posix.basename(path)}) | ${title} |`
    })
    const listed = read('docs/adr/README.md').match(/^\| \[\d{4}\].*$/gm)
    expect(listed).toEqual(rows.toSorted())
  })
})

describe('a citation in a source file', () => {
  it('a citation names something that exists in this repository', () => {
    expect(sources.length).toBeGreaterThan(500)
    expect(sources.flatMap(path => wrongCitations(path, read(path), citable))).toEqual([])
  })

  it.each([
    '(design.md §4, rule 1)',
    'as docs/nowhere.md says',
    'plan.md',
    'see §3',
    'answers 202 as the contract says',
    "every error in the contract's shape",
    'tried with ../elsewhere/check.mjs',
    'which rule 11 forbids',
    'keeps I13',
    'which is ADR 9999',
    'see docs/adr/9999',
  ])('a citation is found if it is wrong: %s', text => {
    expect(wrongCitations('test/unit/x.ts', `first line\n// ${text}`, citable).join()).toMatch(/^test\/unit\/x\.ts:2: /)
  })

  it.each([
    '(rule 1, I12)',
    'docs/errors.md says more',
    'docs/runbook.md#a-circuit-is-open',
    'as in RFC 9110 §10.2.3',
    'passes the contract suite',
    'ADR 0017, and docs/adr/0003',
    '../../docs/errors.md',
  ])('a citation is accepted if it is right: %s', text => {
    expect(wrongCitations('test/unit/x.ts', `// ${text}`, citable)).toEqual([])
  })
})

describe('a link in a page', () => {
  const links = pages.flatMap(page =>
    [...read(page).matchAll(/\]\((?!https?:|mailto:)([^)\s]*)\)/g)].map(([, target = '']) => ({ page, target })),
  )

  it('leads to an existing file, and to an existing heading of the file', () => {
    expect(links.length).toBeGreaterThan(100)
    const broken = links.filter(({ page, target }) => {
      const [file = '', anchor] = target.split('#')
      const path = file === '' ? page : posix.join(posix.dirname(page), file)
      return !existsSync(path) || (anchor !== undefined && !anchorsOf(read(path)).has(anchor))
    })
    expect(broken).toEqual([])
  })
})
