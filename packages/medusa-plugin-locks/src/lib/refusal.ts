/** A request that is answered with an error: the status of HTTP, a code that stays the same, and one line for people. */
export class Refusal extends Error {
  override name = "Refusal";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
