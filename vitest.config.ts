import { defineConfig } from 'vitest/config'

/** The longest value in a title, in characters. Vitest would cut a value such as the name of a planted bug after 40. */
const LONGEST_VALUE_IN_TITLE = 160

// One project per kind of test, so that `npx vitest --project unit` is fast and an end-to-end test may take its time.
const project = (name: string, options: object = {}) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    taskTitleValueFormatTruncate: LONGEST_VALUE_IN_TITLE,
    ...options,
  },
})

const BURSTS = ['test/e2e/admission.test.ts', 'test/e2e/openai-burst.test.ts']
/** One system from the first request to the last guarantee: as much of the end-to-end tests as `npm test` has time for. */
const SMOKE = ['test/e2e/first-request.test.ts', 'test/e2e/guarantees.test.ts']
/** It stops the broker, which other files of the project use. */
const BROKEN_BROKER = ['test/chaos/broken-broker.test.ts']
const PLANTED = ['test/simulation/planted.test.ts']

export default defineConfig({
  test: {
    // Of two cores, vitest would use one.
    maxWorkers: 2,
    projects: [
      // Property tests take seconds where the machine is busy.
      project('unit', {
        isolate: false,
        setupFiles: ['test/unit/setup.ts'],
        testTimeout: 30_000,
      }),
      // The local system: its files start threads, engines and small systems.
      project('local', { testTimeout: 30_000 }),
      project('contract', { testTimeout: 30_000, hookTimeout: 60_000 }),
      // Thousands of histories: a minute or two on a quiet machine, and several times as long beside other tests.
      project('simulation', { exclude: PLANTED, testTimeout: 1_200_000, hookTimeout: 60_000 }),
      // Bugs that the simulation must find, each in a process of its own for minutes: `npm run planted`.
      project('planted', { include: PLANTED, testTimeout: 1_200_000, hookTimeout: 60_000 }),
      // What 0.1.0 has stored, read by this version, and the other way round.
      project('compat', { testTimeout: 120_000 }),
      // Its files share what they have imported, since an import of the CDK takes seconds.
      project('stack', { isolate: false, testTimeout: 60_000, hookTimeout: 120_000 }),
      // In real time, against endpoints that fail and floods of requests, for two minutes: `npm run load`.
      project('load', { testTimeout: 120_000, hookTimeout: 180_000, maxWorkers: 1, sequence: { groupOrder: 2 } }),
      // Runs the functions with AWS's own runtime client, which it builds from source: `npm run lambda`.
      project('lambda', { testTimeout: 60_000, hookTimeout: 900_000, maxWorkers: 1, sequence: { groupOrder: 2 } }),
      // Takes minutes: `npm run chaos`.
      project('chaos', { exclude: BROKEN_BROKER, testTimeout: 600_000, hookTimeout: 300_000 }),
      project('chaos-broker', {
        include: BROKEN_BROKER,
        testTimeout: 600_000,
        hookTimeout: 300_000,
        sequence: { groupOrder: 2 },
      }),
      // Checks version 0.1.0 out and runs it beside this one, for minutes: `npm run upgrade`.
      project('upgrade', { testTimeout: 900_000, hookTimeout: 600_000, maxWorkers: 1, sequence: { groupOrder: 2 } }),
      // Packs the npm package and installs it, for minutes: `npm run package-test`.
      project('package', { testTimeout: 300_000, hookTimeout: 900_000, maxWorkers: 1, sequence: { groupOrder: 2 } }),
      // Installs the SDKs of others from their registries, calls a system with them, and builds a Jaeger with Go, which gets
      // traces: `npm run sdk`.
      project('sdk', { testTimeout: 900_000, hookTimeout: 900_000, maxWorkers: 1, sequence: { groupOrder: 2 } }),
      // The console in a headless Chromium, which has to be installed: `npm run console-test`.
      project('console', { testTimeout: 60_000, hookTimeout: 180_000, maxWorkers: 1, sequence: { groupOrder: 2 } }),
      // A real Prometheus reads `/metrics` for a minute. Needs Debian's package `prometheus`: `npm run prometheus`.
      project('prometheus', { testTimeout: 60_000, hookTimeout: 180_000, maxWorkers: 1, sequence: { groupOrder: 2 } }),
      // Attacks on whole systems, for minutes: `npm run security`.
      project('security', { testTimeout: 120_000, hookTimeout: 180_000, maxWorkers: 2, sequence: { groupOrder: 2 } }),
      // A file starts a whole system: two are enough for two cores, and they wait until the others are done.
      project('smoke', {
        include: SMOKE,
        testTimeout: 120_000,
        hookTimeout: 180_000,
        maxWorkers: 2,
        sequence: { groupOrder: 1 },
      }),
      // All others, for minutes: `npm run e2e`.
      project('e2e', {
        exclude: [...BURSTS, ...SMOKE],
        testTimeout: 120_000,
        hookTimeout: 180_000,
        maxWorkers: 2,
        sequence: { groupOrder: 1 },
      }),
      // 200 posts at once want both cores to themselves: beside another system, a slow machine takes longer than a gateway may.
      project('bursts', {
        include: BURSTS,
        testTimeout: 120_000,
        hookTimeout: 180_000,
        maxWorkers: 1,
        sequence: { groupOrder: 3 },
      }),
    ],
  },
})
