import { codes } from "./codes.gen.js";

/** The protocol's words for what went wrong. */
export type Code = keyof typeof codes;

/** One input that broke a rule. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

export interface ErrorDetails {
  retryable?: boolean | undefined;
  /** Milliseconds to wait before the same request may succeed. */
  retryAfterMs?: number | undefined;
  fields?: readonly FieldError[] | undefined;
  traceId?: string | undefined;
  /** Of a send: `rejected` was not written and will not be; `unknown` may have been. */
  outcome?: "rejected" | "unknown" | undefined;
  cause?: unknown;
}

/** The one error of this package: what the server said, or `NETWORK_ERROR` when it could not be asked. */
export class ParleyError extends Error {
  override readonly name = "ParleyError";
  declare readonly code: Code;
  /** Whether the same request may succeed later, unchanged. */
  declare readonly retryable: boolean;
  declare readonly retryAfterMs: number | undefined;
  declare readonly fields: readonly FieldError[] | undefined;
  declare readonly traceId: string | undefined;
  declare readonly outcome: "rejected" | "unknown" | undefined;

  constructor(code: Code, message = `The server answered ${code}.`, details: ErrorDetails = {}) {
    const { cause, ...rest } = details;
    super(message, { cause });
    Object.assign(this, rest, { code, retryable: rest.retryable ?? codes[code][1] });
  }
}

/** Something that was thrown, as a ParleyError. */
export function asParleyError(thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  return new ParleyError("NETWORK_ERROR", "The server cannot be reached.", { cause: thrown });
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function fieldErrors(value: unknown): FieldError[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.map((row) => ({ field: String(row?.field ?? ""), message: String(row?.message ?? "") }));
}

/**
 * Reads an `error`, `auth:error` or `message:error` event, an `application/problem+json` body (RFC 9457, C5.2),
 * or whatever else came with an error status.
 */
export function errorOf(said: unknown, status = 0, retryAfterMs?: number): ParleyError {
  const {
    code,
    error,
    detail,
    title,
    retryable,
    retryAfterMs: wait,
    outcome,
    traceId,
    errors,
  } = (said ?? {}) as Record<string, unknown>;
  const known = typeof code === "string" && Object.hasOwn(codes, code) ? (code as Code) : undefined;
  const byStatus = Object.keys(codes).find((name) => status > 0 && codes[name as Code][0] === status);
  return new ParleyError(known ?? (byStatus as Code) ?? "INTERNAL", text(error) ?? text(detail) ?? text(title), {
    retryable: typeof retryable === "boolean" ? retryable : undefined,
    retryAfterMs: typeof wait === "number" ? wait : retryAfterMs,
    outcome: outcome === "rejected" || outcome === "unknown" ? outcome : undefined,
    fields: fieldErrors(errors),
    traceId: text(traceId),
  });
}
