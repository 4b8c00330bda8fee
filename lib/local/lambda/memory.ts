import type { Worker } from 'node:worker_threads'

const MEBIBYTE = 1024 * 1024
const SAMPLE_MS = 100

/**
 * How much a thread may hold before it is ended: twice what its function has. V8 collects garbage before a heap is twice as large as
 * what lives in it, so that a heap that is larger than this held more than the function's memory.
 */
const mostBytes = (memoryMb: number): number => 2 * memoryMb * MEBIBYTE

/**
 * The limit that V8 itself gets. Where one allocation crosses it, such as the table of a large Map, V8 ends the whole process and
 * not the thread, so it is far above what the watch allows. Below 2 GiB, V8 lets a heap grow by a factor of two at most.
 */
export const resourceLimitsFor = (memoryMb: number): { maxOldGenerationSizeMb: number } => ({
  maxOldGenerationSizeMb: Math.max(2047, 2 * memoryMb + 512),
})

export interface MemoryWatch {
  /** Looks at the thread's memory from now on, while it has something to do. */
  start(): void
  stop(): void
}

/** Calls `onExceeded` when the heap and the buffers of a thread are more than its function may have. */
export function watchMemory(worker: Worker, memoryMb: number, onExceeded: () => void): MemoryWatch {
  let timer: NodeJS.Timeout | undefined
  let sampling = false

  async function sample(): Promise<void> {
    if (sampling) return
    sampling = true
    // Rejects if the thread is gone, which its exit tells.
    const statistics = await worker.getHeapStatistics().catch(() => undefined)
    sampling = false
    if (!statistics || !timer) return
    if (statistics.used_heap_size + statistics.external_memory > mostBytes(memoryMb)) onExceeded()
  }

  return {
    start() {
      timer ??= setInterval(() => void sample(), SAMPLE_MS)
    },
    stop() {
      clearInterval(timer)
      timer = undefined
    },
  }
}
