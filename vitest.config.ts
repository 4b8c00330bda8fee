import { defineConfig } from 'vitest/config'

// One project a kind of test, so that `npx vitest --project unit` is fast and an end-to-end test may take its time.
const project = (name: string, options: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...options },
})

export default defineConfig({
  test: {
    projects: [
      project('unit'),
      project('contract', { testTimeout: 30_000, hookTimeout: 60_000 }),
      project('stack', { testTimeout: 60_000, hookTimeout: 120_000 }),
      project('e2e', { testTimeout: 120_000, hookTimeout: 180_000 }),
    ],
  },
})
