// Made from protocol.CloseCodes: `go test ./sdk/typescript -update` renews it.

/** By close code: whether a client connects again. */
export const closeCodes: Record<number, boolean> = {
  1000: false,
  1001: true,
  1002: false,
  1003: false,
  1007: false,
  1008: false,
  1009: false,
  1011: true,
  1012: true,
  4401: false,
  4403: false,
  4408: true,
  4413: true,
  4429: true,
};
