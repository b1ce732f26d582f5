/**
 * @internal Whether a job can see its arguments. An arrow function without parameters cannot, and most jobs are of this kind. An AbortSignal
 * for each of them would cost as much as all the rest of a lock.
 */
export function looksAtItsLock(job: (...args: never[]) => unknown): boolean {
  return job.length > 0 || !/^(async\s*)?\(\s*\)\s*=>/.test(Function.prototype.toString.call(job));
}
