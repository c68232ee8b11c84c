package chat

// Reason is a finer word under a code, for programs that tell two causes of one code apart.
type Reason string

// The reasons. An [Error] carries one of them or none.
const (
	ReasonLocked              Reason = "locked"
	ReasonOverloaded          Reason = "overloaded"
	ReasonReadOnly            Reason = "read_only"
	ReasonIdempotencyConflict Reason = "idempotency_conflict"
)

// ReasonInfo says under which code a reason comes, and what it means for people.
type ReasonInfo struct {
	Reason  Reason
	Code    Code
	Meaning string
}

// Reasons is the one table of reasons: documents, OpenAPI and the SDK's types are made from it.
var Reasons = []ReasonInfo{
	{ReasonIdempotencyConflict, CodeValidation, "The clientMessageId was used for another message."},
	{ReasonOverloaded, CodeDBTimeout, "More is asked than the server can do. This try wrote nothing; retryAfterMs says when to come again."},
	{ReasonLocked, CodeDBTimeout, "Somebody keeps a few rows locked. Everything else works."},
	{ReasonReadOnly, CodeDBConnectionLost, "The disk is nearly full: the server reads and does not write until there is room."},
}
