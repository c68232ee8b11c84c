// Made from chat.Codes: `go test ./sdk/typescript -update` renews it.

/** By code: the HTTP status (0 when it answers no request), and whether the same request may succeed later. */
export const codes = {
  /** The token is missing, invalid or expired. Refresh the token once, then send the person to the login. */
  AUTH_FAILED: [401, false],
  /** The request needs a signed-in person. Refresh the token once, then send the person to the login. */
  UNAUTHORIZED: [401, false],
  /** The person may see this but not do it. Say so and take the control away. */
  FORBIDDEN: [403, false],
  /** It does not exist, or not for this person. Remove it from the screen. */
  NOT_FOUND: [404, false],
  /** The conversation does not exist or the person is not in it. Remove the conversation from the screen. */
  NOT_IN_CONVERSATION: [404, false],
  /** The input breaks a rule. Show the message next to the field. */
  VALIDATION_ERROR: [422, false],
  /** It collides with what is there already. Show the message; ask for another value. */
  CONFLICT: [409, false],
  /** Too many requests. Wait as long as Retry-After or retryAfterMs says, then retry. */
  RATE_LIMITED: [429, true],
  /** The connection reads slower than events arrive. Connect again and catch up by rev. */
  SLOW_CONSUMER: [0, true],
  /** The connection was lost (made by clients, never sent). Reconnect with backoff and resend. */
  NETWORK_ERROR: [0, true],
  /** The database did not answer within 3 seconds. Retry with backoff under the same clientMessageId. */
  DB_TIMEOUT: [503, true],
  /** The database cannot be reached. Retry with backoff under the same clientMessageId. */
  DB_CONNECTION_LOST: [503, true],
  /** Redis cannot be reached. Nothing: messages go on, slower. */
  REDIS_UNAVAILABLE: [503, true],
  /** A fault of the server. Retry once, then show the trace id. */
  INTERNAL: [500, true],
} as const;
