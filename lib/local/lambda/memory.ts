import type { ResourceLimits, Worker } from 'node:worker_threads'

const MEBIBYTE = 1024 * 1024
const SAMPLE_MS = 100

/** Several invocations together may have so much, unless one of them alone may have more. It stays far below V8's own limit. In MB. */
const MAX_TOGETHER = 1_280

/**
 * A thread is ended above this size: twice the memory of its function, for each invocation that it runs. V8 collects garbage before a
 * heap is twice as large as the live objects in it. So a larger heap means that the live objects need more than the function's memory.
 */
const maxBytes = (memoryMb: number, running: number): number =>
  Math.max(2 * memoryMb, Math.min(2 * memoryMb * running, MAX_TOGETHER)) * MEBIBYTE

/** The young generation of each thread's heap. V8's own 96 MB hold little but garbage, since most values of a request are short-lived. In MB. */
export const YOUNG_MB = 12

/**
 * The limit for V8 itself. It is far above the limit of the watch, because a single allocation above it (such as the table of a large
 * Map) makes V8 end the whole process and not only the thread. Below 2 GiB, V8 lets a heap grow by a factor of two at most.
 */
export const resourceLimitsFor = (memoryMb: number): ResourceLimits => ({
  maxOldGenerationSizeMb: Math.max(2047, 2 * memoryMb + 512),
  maxYoungGenerationSizeMb: YOUNG_MB,
})

export interface MemoryWatch {
  /** Starts watching. Call it when the thread gets something to do. */
  start(): void
  stop(): void
}

export interface MemoryLimits {
  memoryMb: number
  /** How many invocations the thread runs. */
  running(): number
  /** Called when the heap and the buffers are more than the function's memory, at most once between a start and a stop. Several invocations together may need that much. */
  onLarge(): void
  /** Called when they are more than a thread may have. */
  onExceeded(): void
}

/** Watches the heap and the buffers of a thread. */
export function watchMemory(worker: Worker, { memoryMb, running, onLarge, onExceeded }: MemoryLimits): MemoryWatch {
  let timer: NodeJS.Timeout | undefined
  let sampling = false
  let isLarge = false

  async function sample(): Promise<void> {
    if (sampling) return
    sampling = true
    // It rejects if the thread is gone. The thread's `exit` event reports that.
    const statistics = await worker.getHeapStatistics().catch(() => undefined)
    sampling = false
    if (!statistics || !timer) return
    const bytes = statistics.used_heap_size + statistics.external_memory
    if (bytes > maxBytes(memoryMb, running())) onExceeded()
    else if (bytes > memoryMb * MEBIBYTE && !isLarge) {
      isLarge = true
      onLarge()
    }
  }

  return {
    start() {
      timer ??= setInterval(() => void sample(), SAMPLE_MS)
    },
    stop() {
      clearInterval(timer)
      timer = undefined
      isLarge = false
    },
  }
}
