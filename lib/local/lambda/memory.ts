import type { ResourceLimits, Worker } from 'node:worker_threads'

const MEBIBYTE = 1024 * 1024
const SAMPLE_MS = 100

/** Several invocations together may use this memory, unless a single invocation may use more. It is far below V8's own limit. In MB. */
const MAX_TOGETHER = 1_280

/**
 * A thread that uses more than this is ended. It may use twice the memory of its function for each invocation that it runs, up to the limit
 * above. V8 collects garbage before a heap is twice as large as its live objects. So a larger heap means that the live objects need more
 * than the function's memory.
 */
const maxBytes = (memoryMb: number, running: number): number =>
  Math.max(2 * memoryMb, Math.min(2 * memoryMb * running, MAX_TOGETHER)) * MEBIBYTE

/**
 * The young generation of a thread's heap, in MB. V8's default grows to 96 MB per thread, and contains almost only garbage, since most values of
 * an invocation are short-lived.
 */
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
  /** Starts watching. Call it when the thread gets an invocation. */
  start(): void
  stop(): void
}

export interface MemoryLimits {
  memoryMb: number
  /** Returns the number of invocations that the thread runs. */
  running(): number
  /** Called when the heap and the buffers are larger than the function's memory, at most once between a start and a stop. Several invocations may need this. */
  onLarge(): void
  /** Called when the heap and the buffers are larger than a thread may have. */
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
