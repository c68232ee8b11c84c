// Made from chat.Codes and chat.Reasons: `go test ./sdk/typescript -update` renews it.

/** By code: the HTTP status (0 when it answers no request), and how a client retries. */
export const codes = {
  /** The token is missing, invalid or expired. Refresh the token once, then send the person to the login. */
  AUTH_FAILED: [401, "sign_in"],
  /** The request needs a signed-in person. Refresh the token once, then send the person to the login. */
  UNAUTHORIZED: [401, "sign_in"],
  /** The person may see this but not do it. Say so and take the control away. */
  FORBIDDEN: [403, "never"],
  /** It does not exist, or not for this person. Remove it from the screen. */
  NOT_FOUND: [404, "never"],
  /** The conversation does not exist or the person is not in it. Remove the conversation from the screen. */
  NOT_IN_CONVERSATION: [404, "never"],
  /** The input breaks a rule. Show the message next to the field. */
  VALIDATION_ERROR: [422, "never"],
  /** It collides with what is there already. Show the message; ask for another value. */
  CONFLICT: [409, "never"],
  /** Too many requests. Wait as long as Retry-After or retryAfterMs says, then retry. */
  RATE_LIMITED: [429, "wait"],
  /** The connection reads slower than events arrive. Connect again and catch up by rev. */
  SLOW_CONSUMER: [0, "backoff"],
  /** The connection was lost (made by clients, never sent). Reconnect with backoff and resend. */
  NETWORK_ERROR: [0, "backoff"],
  /** The database did not answer within 3 seconds. Retry with backoff under the same clientMessageId. */
  DB_TIMEOUT: [503, "backoff"],
  /** The database cannot be reached. Retry with backoff under the same clientMessageId. */
  DB_CONNECTION_LOST: [503, "backoff"],
  /** Redis cannot be reached. Ask again later who is there; messages go on, slower. */
  REDIS_UNAVAILABLE: [503, "backoff"],
  /** A fault of the server. Retry once, then show the trace id. */
  INTERNAL: [500, "once"],
} as const;

/**
 * A finer word under a code. A newer server may know more.
 *
 * `idempotency_conflict` (VALIDATION_ERROR): The clientMessageId was used for another message.
 * `overloaded` (DB_TIMEOUT): More is asked than the server can do. This try wrote nothing; retryAfterMs says when to come again.
 * `locked` (DB_TIMEOUT): Somebody keeps a few rows locked. Everything else works.
 * `read_only` (DB_CONNECTION_LOST): The disk is nearly full: the server reads and does not write until there is room.
 */
export type Reason = "idempotency_conflict" | "overloaded" | "locked" | "read_only";
