// Made from chat.Codes by internal/protocol/codegen_test.go; `go test ./internal/protocol -run Codes -update` renews it.

export const codes = {
  AUTH_FAILED: { status: 401, close: 4401, retryable: false, meaning: "The token is missing, invalid or expired." },
  UNAUTHORIZED: { status: 401, close: 4401, retryable: false, meaning: "The request needs a signed-in person." },
  FORBIDDEN: { status: 403, close: 0, retryable: false, meaning: "The person may see this but not do it." },
  NOT_FOUND: { status: 404, close: 0, retryable: false, meaning: "It does not exist, or not for this person." },
  NOT_IN_CONVERSATION: {
    status: 404,
    close: 0,
    retryable: false,
    meaning: "The conversation does not exist or the person is not in it.",
  },
  VALIDATION_ERROR: { status: 422, close: 0, retryable: false, meaning: "The input breaks a rule." },
  CONFLICT: { status: 409, close: 0, retryable: false, meaning: "It collides with what is there already." },
  RATE_LIMITED: { status: 429, close: 4429, retryable: true, meaning: "Too many requests." },
  SLOW_CONSUMER: {
    status: 0,
    close: 4413,
    retryable: true,
    meaning: "The connection reads slower than events arrive.",
  },
  NETWORK_ERROR: {
    status: 0,
    close: 0,
    retryable: true,
    meaning: "The connection was lost (made by clients, never sent).",
  },
  DB_TIMEOUT: { status: 503, close: 0, retryable: true, meaning: "The database did not answer within 3 seconds." },
  DB_CONNECTION_LOST: { status: 503, close: 0, retryable: true, meaning: "The database cannot be reached." },
  REDIS_UNAVAILABLE: { status: 503, close: 0, retryable: true, meaning: "Redis cannot be reached." },
  INTERNAL: { status: 500, close: 1011, retryable: true, meaning: "A fault of the server." },
} as const;
