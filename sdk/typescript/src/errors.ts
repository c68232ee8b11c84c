import { backoff } from "./backoff.js";
import { codes, type Reason } from "./codes.gen.js";

/** The protocol's words for what went wrong. */
export type Code = keyof typeof codes;

/** How a client repeats what failed: the table of codes says it for each. */
export type Retry = (typeof codes)[Code][1];

/** One input that broke a rule. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

export interface ErrorDetails {
  retryable?: boolean | undefined;
  reason?: Reason | undefined;
  /** Milliseconds to wait before the same request may succeed. */
  retryAfterMs?: number | undefined;
  fields?: readonly FieldError[] | undefined;
  traceId?: string | undefined;
  /**
   * Of a send: `rejected` was not written and will not be; `unknown` may have been. The server speaks of one try. In
   * a {@link MessageView} it is of all of them: `unknown` until a try after that is confirmed or refused for good.
   */
  outcome?: "rejected" | "unknown" | undefined;
  cause?: unknown;
}

/** The one error of this package: what the server said, or `NETWORK_ERROR` when it could not be asked. */
export class ParleyError extends Error {
  override readonly name = "ParleyError";
  declare readonly code: Code;
  /** How the table of codes says that this is repeated; {@link retryIn} goes by it. */
  declare readonly retry: Retry;
  /** Whether the same request may succeed later, unchanged. */
  declare readonly retryable: boolean;
  /** A finer word under the code. */
  declare readonly reason: Reason | undefined;
  declare readonly retryAfterMs: number | undefined;
  declare readonly fields: readonly FieldError[] | undefined;
  declare readonly traceId: string | undefined;
  declare readonly outcome: "rejected" | "unknown" | undefined;

  constructor(code: Code, message = `The server said ${code}.`, details: ErrorDetails = {}) {
    super(message, details);
    const retry = codes[code][1];
    Object.assign(this, details, {
      code,
      retry,
      retryable: details.retryable ?? (retry !== "never" && retry !== "sign_in"),
    });
  }
}

const away = "The server cannot be reached.";

/** Whether the server did not accept the token or cookie. */
export function isSignedOut({ retry }: ParleyError): boolean {
  return retry === "sign_in";
}

/**
 * How long to wait before what failed `n` times before is asked again, in milliseconds: what the server said, and
 * jitter on top, since it says the same to all whom it refuses at one moment. Null when it is not asked again.
 */
export function retryIn({ retry, retryable, retryAfterMs = 0 }: ParleyError, n: number): number | null {
  return retryable && (retry !== "once" || n === 0) ? retryAfterMs + backoff(n) : null;
}

/** Something that was thrown, as a ParleyError. */
export function asParleyError(thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  return new ParleyError("NETWORK_ERROR", away, { cause: thrown });
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/**
 * Reads an `error`, `auth:error` or `message:error` event, an `application/problem+json` body (RFC 9457, C5.2),
 * or whatever else came with an error status: what a proxy says in its own words goes by the status.
 */
export function errorOf(said: unknown, status = 0, retryAfterMs?: number): ParleyError {
  const {
    code,
    error,
    detail,
    retryable,
    retryAfterMs: wait,
    reason,
    outcome,
    traceId,
    errors,
  } = (said ?? {}) as Record<string, unknown>;
  const find = (is: (name: Code) => boolean) => (Object.keys(codes) as Code[]).find(is);
  const byStatus = status > 499 ? "NETWORK_ERROR" : find((name) => status > 0 && codes[name][0] === status);
  const known = find((name) => name === code) ?? byStatus ?? (status > 0 ? "VALIDATION_ERROR" : "INTERNAL");
  const message = text(error) ?? text(detail) ?? (known === "NETWORK_ERROR" ? away : undefined);
  return new ParleyError(known, message, {
    retryable: retryable as boolean | undefined,
    reason: text(reason) as Reason | undefined,
    retryAfterMs: typeof wait === "number" ? wait : retryAfterMs,
    outcome: text(outcome) as ErrorDetails["outcome"],
    fields: Array.isArray(errors) && errors.every((row) => text(row?.message)) ? errors : undefined,
    traceId: text(traceId),
  });
}
