/**
 * @internal Whether a job can see its arguments. An arrow function without parameters cannot, and most jobs are such functions. An AbortSignal for
 * each job would cost as much as the rest of a lock.
 */
export function looksAtItsLock(job: (...args: never[]) => unknown): boolean {
  return job.length > 0 || !/^(async\s*)?\(\s*\)\s*=>/.test(Function.prototype.toString.call(job));
}
