import { posix } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'

/** A file, and the targets of its imports, re-exports and import types: paths from the root, or names of packages. */
export interface SourceFile {
  readonly path: string
  readonly imports: readonly string[]
}

/** The target of an `import()` that is computed at run time. */
const COMPUTED = '(computed)'

/** Parses a TypeScript file. Type-only imports count as imports. Throws if the file does not parse. */
export function parseImports(path: string, text: string): SourceFile {
  const { module, program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0]?.message}`)
  const inTypes: string[] = []
  new Visitor({ TSImportType: ({ source }) => void inTypes.push(source.value) }).visit(program)
  const specifiers = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(e => (e.moduleRequest ? [e.moduleRequest.value] : [])),
    ),
    ...module.dynamicImports.map(({ moduleRequest: { start, end } }) => literal(text.slice(start, end))),
    ...inTypes,
  ]
  return { path, imports: [...new Set(specifiers.map(specifier => resolve(path, specifier)))] }
}

/** The text of a TypeScript file without its comments. */
export const withoutComments = (path: string, text: string): string =>
  parseSync(path, text).comments.reduceRight((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), text)

const literal = (expression: string): string => /^(['"])([^'"]*)\1$/.exec(expression)?.[2] ?? COMPUTED

function resolve(from: string, specifier: string): string {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier)
  if (specifier.startsWith('node:') || specifier === COMPUTED) return specifier
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

const CAPABILITIES = [
  'flow-control',
  'inference',
  'queue',
  'stores/access',
  'stores/idempotency',
  'stores/ledger',
  'stores/payloads',
  'stores/quota',
  'stores/requests',
  'stores/waits',
] as const
const ENTRY_POINTS = [
  'authorizer',
  'collector',
  'gateway',
  'intake',
  'migrator',
  'reader',
  'retention',
  'sweeper',
  'worker',
  'broker',
] as const
const CDK = ['aws-cdk-lib', 'constructs', 'cdk-nag']

/** The files of a capability that other folders may import: its interface, and not its adapters. */
const MEANING = /^functions\/core\/(stores\/)?[a-z-]+\/(port|names|verdict)\.ts$/

/** The files that may name RabbitMQ: its adapter, and the entry point that only a deployment with RabbitMQ has. */
const NAMES_RABBITMQ = /^functions\/(core\/queue\/rabbitmq\/|broker\/(compose|env)\.ts)/

/** The files that may name SQS: `composeQueue`, its adapters, the operator's adapter, and the file that makes AWS clients. */
export const NAMES_SQS = /^functions\/core\/(queue\/(compose|sqs|sqs-capabilities|admin)|platform\/aws-clients)\.ts$/

const isOurs = (target: string): boolean => /^(bin|lib|functions)\//.test(target)
const isPackage = (target: string): boolean => !isOurs(target) && !target.startsWith('node:') && target !== COMPUTED
const isIn = (target: string, ...folders: string[]): boolean => folders.some(folder => target.startsWith(`${folder}/`))
const functionsOf = (names: readonly string[]): string[] => names.map(name => `functions/${name}`)
const coreOf = (names: readonly string[]): string[] => names.map(name => `functions/core/${name}`)

interface Rule {
  readonly name: string
  /** The folder of the rule. It must contain files. */
  readonly folder: string
  /** Picks the files of the folder to which the rule applies. Default: all files. */
  readonly only?: (path: string) => boolean
  readonly forbids: (target: string) => boolean
}

/** The import rules of docs/architecture.md. `adapters` are the files that use a certain technology, such as DynamoDB. */
const rulesOf = (adapters: ReadonlySet<string>): Rule[] => [
  {
    name: 'functions know nothing of the stack, and import nothing that is computed',
    folder: 'functions',
    forbids: target => isIn(target, 'lib', 'bin') || CDK.includes(target) || target === COMPUTED,
  },
  {
    name: 'composeQueue alone names SQS, besides its adapters and the place that makes AWS clients',
    folder: 'functions',
    only: path => !NAMES_SQS.test(path),
    forbids: target => target === '@aws-sdk/client-sqs' || /^functions\/core\/queue\/sqs(-|\.)/.test(target),
  },
  {
    name: "RabbitMQ's adapter alone names it, besides the entry point broker: the bundler chooses the backend",
    folder: 'functions',
    only: path => !NAMES_RABBITMQ.test(path),
    forbids: target => target === 'amqplib' || /^functions\/core\/queue\/rabbitmq\//.test(target),
  },
  {
    name: 'domain imports only zod and itself',
    folder: 'functions/core/domain',
    forbids: target => target !== 'zod' && !isIn(target, 'functions/core/domain'),
  },
  {
    name: 'platform imports only domain, itself and packages',
    folder: 'functions/core/platform',
    forbids: target => isOurs(target) && !isIn(target, ...coreOf(['domain', 'platform'])),
  },
  {
    name: 'expressions imports only platform, itself and packages',
    folder: 'functions/core/expressions',
    forbids: target => isOurs(target) && !isIn(target, ...coreOf(['platform', 'expressions'])),
  },
  ...coreOf(CAPABILITIES).map(folder => ({
    name: 'a capability imports only domain, platform, expressions, itself and packages',
    folder,
    forbids: (target: string) =>
      isOurs(target) && !isIn(target, ...coreOf(['domain', 'platform', 'expressions']), folder),
  })),
  {
    name: 'lifecycle imports only domain, platform and what capabilities mean',
    folder: 'functions/core/lifecycle',
    forbids: target =>
      isOurs(target) && !isIn(target, ...coreOf(['domain', 'platform', 'lifecycle'])) && !MEANING.test(target),
  },
  {
    name: 'admission imports only lifecycle, domain, platform, expressions and what capabilities mean',
    folder: 'functions/core/admission',
    forbids: target =>
      isOurs(target) &&
      !isIn(target, ...coreOf(['domain', 'platform', 'expressions', 'lifecycle', 'admission'])) &&
      !MEANING.test(target),
  },
  {
    name: 'http imports only domain, platform, itself and packages: it knows no API',
    folder: 'functions/core/http',
    forbids: target => isOurs(target) && !isIn(target, ...coreOf(['domain', 'platform', 'http'])),
  },
  {
    name: 'inference-api imports only http, admission, lifecycle, domain, platform, itself and packages',
    folder: 'functions/core/inference-api',
    forbids: target =>
      isOurs(target) &&
      !isIn(target, ...coreOf(['domain', 'platform', 'lifecycle', 'admission', 'http', 'inference-api'])),
  },
  {
    name: 'openai-format imports only domain, itself and packages: it knows no call',
    folder: 'functions/core/openai-format',
    forbids: target => isOurs(target) && !isIn(target, ...coreOf(['domain', 'openai-format'])),
  },
  {
    name: 'openai-api imports only http, admission, lifecycle, openai-format, domain, platform, itself and packages',
    folder: 'functions/core/openai-api',
    forbids: target =>
      isOurs(target) &&
      !isIn(target, ...coreOf(['domain', 'platform', 'lifecycle', 'admission', 'http', 'openai-format', 'openai-api'])),
  },
  ...functionsOf(ENTRY_POINTS).flatMap(folder => [
    {
      name: 'entry points do not import each other',
      folder,
      forbids: (target: string) => isIn(target, ...functionsOf(ENTRY_POINTS).filter(other => other !== folder)),
    },
    {
      name: 'only compose.ts and handler.ts name adapters',
      folder,
      only: (path: string) => !/\/(compose|handler)\.ts$/.test(path),
      forbids: (target: string) => adapters.has(target),
    },
  ]),
  {
    name: 'the local system reads only the synthesized output',
    folder: 'lib/local',
    forbids: target => (isOurs(target) && !isIn(target, 'lib/local')) || CDK.includes(target),
  },
  {
    name: 'lib/config knows neither functions nor CDK',
    folder: 'lib/config',
    forbids: target => isIn(target, 'functions') || CDK.includes(target),
  },
]

/**
 * Finds the adapters. An adapter is a file of a capability that imports a package other than zod, directly or through another file of
 * the same capability. So it depends on a certain technology.
 */
function findAdapters(files: readonly SourceFile[]): Set<string> {
  const ofCapabilities = files.filter(({ path }) => isIn(path, ...coreOf(CAPABILITIES)))
  const adapters = new Set<string>()
  for (let found = -1; found < adapters.size; ) {
    found = adapters.size
    for (const { path, imports } of ofCapabilities)
      if (imports.some(target => adapters.has(target) || (isPackage(target) && target !== 'zod'))) adapters.add(path)
  }
  return adapters
}

export interface Findings {
  readonly files: number
  readonly imports: number
  readonly adapters: readonly string[]
  /** Rules that apply to no file. Such a rule checks nothing, for example because its folder was renamed. */
  readonly idle: readonly string[]
  readonly violations: readonly string[]
}

/** Checks files against the rules about imports in docs/architecture.md. */
export function checkImports(files: readonly SourceFile[]): Findings {
  const adapters = findAdapters(files)
  const rules = rulesOf(adapters).map(rule => ({
    ...rule,
    subjects: files.filter(({ path }) => isIn(path, rule.folder) && (rule.only?.(path) ?? true)),
  }))
  return {
    files: files.length,
    imports: files.reduce((sum, { imports }) => sum + imports.length, 0),
    adapters: [...adapters].sort(),
    idle: rules.filter(({ subjects }) => subjects.length === 0).map(({ name, folder }) => `${folder}: ${name}`),
    violations: [
      ...unknownFolders(files),
      ...circles(files),
      ...rules.flatMap(({ name, subjects, forbids }) =>
        subjects.flatMap(({ path, imports }) =>
          imports.filter(forbids).map(target => `${path} imports ${target}, but ${name}`),
        ),
      ),
    ],
  }
}

/** Finds folders of `functions/` that are in no list above, and so in no rule. */
function unknownFolders(files: readonly SourceFile[]): string[] {
  const known = [
    ...coreOf([
      'domain',
      'platform',
      'expressions',
      'lifecycle',
      'admission',
      'http',
      'inference-api',
      'openai-format',
      'openai-api',
      ...CAPABILITIES,
    ]),
    ...functionsOf(ENTRY_POINTS),
  ]
  const strangers = files.filter(({ path }) => isIn(path, 'functions') && !isIn(path, ...known))
  return [...new Set(strangers.map(({ path }) => `${posix.dirname(path)} is in no rule`))]
}

/** Finds circles of imports by a depth-first search. Type-only imports count. Each circle is reported once. */
function circles(files: readonly SourceFile[]): string[] {
  const importsOf = new Map(files.map(({ path, imports }) => [path, imports]))
  const finished = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) {
      found.push(`a circle of imports: ${[...trail.slice(start), path].join(' -> ')}`)
      return
    }
    if (finished.has(path)) return
    for (const target of importsOf.get(path) ?? []) if (importsOf.has(target)) visit(target, [...trail, path])
    finished.add(path)
  }
  for (const { path } of files) visit(path, [])
  return found
}
