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
  readonly code: Code;
  /** Whether the same request may succeed later, unchanged. */
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly fields?: readonly FieldError[];
  readonly traceId?: string;
  readonly outcome?: "rejected" | "unknown";

  constructor(code: Code, message = `The server answered ${code}.`, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? codes[code].retryable;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
    if (details.fields !== undefined) this.fields = details.fields;
    if (details.traceId !== undefined) this.traceId = details.traceId;
    if (details.outcome !== undefined) this.outcome = details.outcome;
  }
}

/** Something that was thrown, as a ParleyError. */
export function asParleyError(thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  return new ParleyError("NETWORK_ERROR", "The server cannot be reached.", { cause: thrown });
}

function codeOf(value: unknown, status: number): Code {
  if (typeof value === "string" && Object.hasOwn(codes, value)) return value as Code;
  for (const [code, row] of Object.entries(codes)) {
    if (row.status === status) return code as Code;
  }
  return "INTERNAL";
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function fieldErrors(value: unknown): FieldError[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.map((row: Record<string, unknown>) => ({
    field: String(row?.field ?? ""),
    message: String(row?.message ?? ""),
  }));
}

/** Reads an `application/problem+json` body (RFC 9457, C5.2) or whatever else came with an error status. */
export function problemError(status: number, body: unknown, retryAfterMs?: number): ParleyError {
  const problem = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const code = codeOf(problem.code, status);
  return new ParleyError(code, text(problem.detail) ?? text(problem.title), {
    retryable: typeof problem.retryable === "boolean" ? problem.retryable : undefined,
    retryAfterMs: typeof problem.retryAfterMs === "number" ? problem.retryAfterMs : retryAfterMs,
    fields: fieldErrors(problem.errors),
    traceId: text(problem.traceId),
  });
}

/** Reads an `error`, `auth:error` or `message:error` event. */
export function eventError(event: Record<string, unknown>): ParleyError {
  return new ParleyError(codeOf(event.code, 0), text(event.error), {
    retryable: typeof event.retryable === "boolean" ? event.retryable : undefined,
    retryAfterMs: typeof event.retryAfterMs === "number" ? event.retryAfterMs : undefined,
    outcome: event.outcome === "rejected" || event.outcome === "unknown" ? event.outcome : undefined,
    traceId: text(event.traceId),
  });
}
