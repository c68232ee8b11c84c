// Made from chat.Codes: `go test ./sdk/typescript -update` renews it.

export const codes = {
  /** The token is missing, invalid or expired. Refresh the token once, then send the person to the login. */
  AUTH_FAILED: { status: 401, close: 4401, retryable: false },
  /** The request needs a signed-in person. Refresh the token once, then send the person to the login. */
  UNAUTHORIZED: { status: 401, close: 4401, retryable: false },
  /** The person may see this but not do it. Say so and take the control away. */
  FORBIDDEN: { status: 403, close: 0, retryable: false },
  /** It does not exist, or not for this person. Remove it from the screen. */
  NOT_FOUND: { status: 404, close: 0, retryable: false },
  /** The conversation does not exist or the person is not in it. Remove the conversation from the screen. */
  NOT_IN_CONVERSATION: { status: 404, close: 0, retryable: false },
  /** The input breaks a rule. Show the message next to the field. */
  VALIDATION_ERROR: { status: 422, close: 0, retryable: false },
  /** It collides with what is there already. Show the message; ask for another value. */
  CONFLICT: { status: 409, close: 0, retryable: false },
  /** Too many requests. Wait as long as Retry-After or retryAfterMs says, then retry. */
  RATE_LIMITED: { status: 429, close: 4429, retryable: true },
  /** The connection reads slower than events arrive. Connect again and catch up by rev. */
  SLOW_CONSUMER: { status: 0, close: 4413, retryable: true },
  /** The connection was lost (made by clients, never sent). Reconnect with backoff and resend. */
  NETWORK_ERROR: { status: 0, close: 0, retryable: true },
  /** The database did not answer within 3 seconds. Retry with backoff under the same clientMessageId. */
  DB_TIMEOUT: { status: 503, close: 0, retryable: true },
  /** The database cannot be reached. Retry with backoff under the same clientMessageId. */
  DB_CONNECTION_LOST: { status: 503, close: 0, retryable: true },
  /** Redis cannot be reached. Nothing: messages go on, slower. */
  REDIS_UNAVAILABLE: { status: 503, close: 0, retryable: true },
  /** A fault of the server. Retry once, then show the trace id. */
  INTERNAL: { status: 500, close: 1011, retryable: true },
} as const;
