/**
 * A byte string that stands for itself. One that was cut out of another keeps the whole of it in memory: what outlives
 * a request must not hold on to its body.
 */
export function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
