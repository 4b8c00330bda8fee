import type { ResourceLimits, Worker } from 'node:worker_threads'

const MEBIBYTE = 1024 * 1024
const SAMPLE_MS = 100

/**
 * The memory that several invocations in one thread may use together, in MB. If twice the function's memory is more than this, an
 * invocation may use twice the function's memory. `MAX_TOGETHER` is far below V8's own limit, at which V8 could end the whole process and not only the thread.
 */
const MAX_TOGETHER = 1_280

/**
 * The memory above which a thread is ended. It is twice the function's memory for each running invocation, but for all of them at most `MAX_TOGETHER`.
 * The factor is two, because V8 collects garbage before a heap is twice as large as its live objects. So a larger heap means that the live objects
 * alone need more than the function's memory.
 */
const maxBytes = (memoryMb: number, running: number): number =>
  Math.max(2 * memoryMb, Math.min(2 * memoryMb * running, MAX_TOGETHER)) * MEBIBYTE

/**
 * The young generation of a thread's heap, in MB. By default, V8 lets it grow to 96 MB per thread. Almost all of this would be garbage, since most
 * values of an invocation are short-lived. So a small limit saves memory.
 */
export const YOUNG_MB = 12

/**
 * V8's own limits for a thread. They are far above the limit of `watchMemory`, because V8 ends the whole process, and not only the thread, if a
 * single allocation (such as the table of a large Map) exceeds them. The usual limit is just below 2 GiB. With such a limit, V8 lets a heap grow
 * at most to twice the size of its live objects. `maxBytes` relies on this factor.
 */
export const resourceLimitsFor = (memoryMb: number): ResourceLimits => ({
  maxOldGenerationSizeMb: Math.max(2047, 2 * memoryMb + 512),
  maxYoungGenerationSizeMb: YOUNG_MB,
})

export interface MemoryWatch {
  /** Starts watching the thread. Call this when the thread gets an invocation. */
  start(): void
  stop(): void
}

export interface MemoryLimits {
  memoryMb: number
  /** Returns the number of invocations that the thread runs. */
  running(): number
  /**
   * Called when the heap and the buffers are larger than the function's memory, at most once between a start and a stop. This is no error, since
   * several invocations together may need so much. But the thread should get no further invocation.
   */
  onLarge(): void
  /** Called when the heap and the buffers are larger than `maxBytes`. The thread must then end. */
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
    // getHeapStatistics rejects if the thread has ended. The thread's `exit` event reports the end.
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
