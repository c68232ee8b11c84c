import type { Code } from "../errors.js";

/** What a route throws to be answered with a problem. */
export class Refusal extends Error {
  readonly code: Code;
  constructor(code: Code) {
    super(code);
    this.code = code;
  }
}
