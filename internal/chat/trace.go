package chat

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// Trace says which action something is a part of, across connections and nodes, by the ids of W3C Trace Context
// (https://www.w3.org/TR/trace-context/). The rules carry it and decide nothing by it. The zero value says nothing.
type Trace struct {
	ID      [16]byte
	Span    [8]byte // the step under way
	Parent  [8]byte // the step that it is a part of; zero for none. It stays here: who is told of the trace knows Span as theirs
	Sampled bool    // its steps are recorded for a collector
}

// NewTrace begins a trace. It allocates nothing, so that one can be begun before it is known whether anybody asks for it.
func NewTrace() Trace {
	var t Trace
	binary.LittleEndian.PutUint64(t.ID[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(t.ID[8:], rand.Uint64()|1) // never all zero
	t.Span = newSpan()
	return t
}

func newSpan() (id [8]byte) {
	binary.LittleEndian.PutUint64(id[:], rand.Uint64()|1)
	return id
}

// Step begins a step of the trace, which is a part of the step under way; of the zero value a trace.
func (t Trace) Step() Trace {
	if t.IsZero() {
		return NewTrace()
	}
	t.Parent, t.Span = t.Span, newSpan()
	return t
}

// StepOf begins a step of the trace that a caller names by its traceparent, or a trace when it names none. Whether it is
// recorded is not the caller's to say.
func StepOf(traceparent string) Trace {
	t, _ := ParseTrace(traceparent)
	t.Sampled = false
	return t.Step()
}

// IsZero reports whether it says nothing.
func (t Trace) IsZero() bool { return t.ID == [16]byte{} }

// TraceID is the trace's id as logs and problems have it: 32 hexadecimal digits, or "".
func (t Trace) TraceID() string {
	if t.IsZero() {
		return ""
	}
	return hex.EncodeToString(t.ID[:])
}

// String is the traceparent of W3C Trace Context, version 00, or "".
func (t Trace) String() string {
	if t.IsZero() {
		return ""
	}
	return string(t.Append(nil))
}

// Append appends the traceparent to dst; of the zero value nothing.
func (t Trace) Append(dst []byte) []byte {
	if t.IsZero() {
		return dst
	}
	dst = hex.AppendEncode(append(dst, "00-"...), t.ID[:])
	dst = hex.AppendEncode(append(dst, '-'), t.Span[:])
	if t.Sampled {
		return append(dst, "-01"...)
	}
	return append(dst, "-00"...)
}

// MarshalText is the traceparent.
func (t Trace) MarshalText() ([]byte, error) { return t.Append(nil), nil }

// UnmarshalText reads a traceparent. What is none says nothing and is no error: a trace is never a reason to refuse what
// it came with.
func (t *Trace) UnmarshalText(text []byte) error {
	*t, _ = ParseTrace(string(text))
	return nil
}

// ParseTrace reads a traceparent of any version, as W3C Trace Context asks (§3.2, §4.3).
func ParseTrace(traceparent string) (t Trace, ok bool) {
	const length = len("00-") + 32 + len("-") + 16 + len("-00")
	switch {
	case len(traceparent) < length || traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-':
		return Trace{}, false
	case len(traceparent) > length && (traceparent[:2] == "00" || traceparent[length] != '-'):
		return Trace{}, false
	}
	var version, flags [1]byte
	for _, part := range []struct {
		to   []byte
		text string
	}{{version[:], traceparent[:2]}, {t.ID[:], traceparent[3:35]}, {t.Span[:], traceparent[36:52]}, {flags[:], traceparent[53:55]}} {
		if !lowerHex(part.to, part.text) {
			return Trace{}, false
		}
	}
	if version[0] == 0xff || t.ID == [16]byte{} || t.Span == [8]byte{} {
		return Trace{}, false
	}
	t.Sampled = flags[0]&1 == 1
	return t, true
}

// lowerHex decodes digits that must not be capital.
func lowerHex(to []byte, text string) bool {
	for i := range to {
		high, low := hexDigit(text[2*i]), hexDigit(text[2*i+1])
		if high < 0 || low < 0 {
			return false
		}
		to[i] = byte(high<<4 | low)
	}
	return true
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

type traceKey struct{}

// WithTrace has what is done under the context be a part of the trace.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf is the trace that what is done under the context is a part of, or zero.
func TraceOf(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey{}).(Trace)
	return t
}
