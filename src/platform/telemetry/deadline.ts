/** Rejects when the work has not ended in time; the work itself goes on and its outcome is dropped. */
export function withDeadline<T>(work: Promise<T>, millis: number): Promise<T> {
  return new Promise((resolve, reject) => {
    // An answer that came while the event loop stood still is read first.
    const timer = setTimeout(() => setImmediate(reject, new Error(`not done within ${millis} ms`)), millis);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
