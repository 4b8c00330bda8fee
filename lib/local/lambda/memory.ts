import type { Worker } from 'node:worker_threads'

const MEBIBYTE = 1024 * 1024
const SAMPLE_MS = 100

/**
 * A thread is ended above this size: twice the memory of its function. V8 collects garbage before a heap is twice as large as the live
 * objects in it. So a larger heap means that the live objects need more than the function's memory.
 */
const maxBytes = (memoryMb: number): number => 2 * memoryMb * MEBIBYTE

/**
 * The limit for V8 itself. It is far above the limit of the watch, because a single allocation above it (such as the table of a large
 * Map) makes V8 end the whole process and not only the thread. Below 2 GiB, V8 lets a heap grow by a factor of two at most.
 */
export const resourceLimitsFor = (memoryMb: number): { maxOldGenerationSizeMb: number } => ({
  maxOldGenerationSizeMb: Math.max(2047, 2 * memoryMb + 512),
})

export interface MemoryWatch {
  /** Starts watching. Call it when the thread gets something to do. */
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
    // It rejects if the thread is gone. The thread's `exit` event reports that.
    const statistics = await worker.getHeapStatistics().catch(() => undefined)
    sampling = false
    if (!statistics || !timer) return
    if (statistics.used_heap_size + statistics.external_memory > maxBytes(memoryMb)) onExceeded()
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
