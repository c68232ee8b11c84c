package chat_test

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func TestATraceparentIsReadAsW3CSays(t *testing.T) {
	const id, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for text, ok := range map[string]bool{
		"00-" + id + "-" + span + "-01":                      true,
		"00-" + id + "-" + span + "-00":                      true,
		"00-" + id + "-" + span + "-03":                      true,
		"cc-" + id + "-" + span + "-01":                      true,
		"cc-" + id + "-" + span + "-01-what-a-later-one-has": true,
		"cc-" + id + "-" + span + "-01.what":                 false,
		"00-" + id + "-" + span + "-01-more":                 false,
		"ff-" + id + "-" + span + "-01":                      false,
		"00-" + strings.ToUpper(id) + "-" + span + "-01":     false,
		"00-" + strings.Repeat("0", 32) + "-" + span + "-01": false,
		"00-" + id + "-0000000000000000-01":                  false,
		"00-" + id + "-" + span + "-0":                       false,
		"00-" + id + "-" + span:                              false,
		"00_" + id + "-" + span + "-01":                      false,
		"0x-" + id + "-" + span + "-01":                      false,
		id:                                                   false,
		"":                                                   false,
		strings.Repeat("\xff", 55):                           false,
	} {
		trace, read := chat.ParseTrace(text)
		if read != ok {
			t.Errorf("%q is read: %t", text, read)
		}
		if read && (trace.TraceID() != id || trace.Sampled == strings.HasSuffix(text, "-00")) {
			t.Errorf("%q is read as %v", text, trace)
		}
		if !read && !trace.IsZero() {
			t.Errorf("%q is refused and read as %v", text, trace)
		}
	}
}

func TestATraceIsReadAsItIsWritten(t *testing.T) {
	trace := chat.NewTrace()
	for _, trace.Sampled = range []bool{false, true} {
		if read, ok := chat.ParseTrace(trace.String()); !ok || read != trace {
			t.Errorf("%v is read as %v", trace, read)
		}
	}
	step := trace.Step()
	if step.ID != trace.ID || step.Parent != trace.Span || step.Span == trace.Span || !step.Sampled {
		t.Errorf("%+v has the step %+v", trace, step)
	}
	var none chat.Trace
	if none.String() != "" || none.TraceID() != "" || none.Step().Parent != [8]byte{} {
		t.Errorf("no trace is written as %q", none)
	}
	if err := none.UnmarshalText([]byte("nonsense")); err != nil || !none.IsZero() {
		t.Errorf("nonsense is read as %v, %v", none, err)
	}
}

func TestBeginningATraceAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 64)
	var trace chat.Trace
	if n := testing.AllocsPerRun(100, func() { trace = chat.NewTrace(); buf = trace.Append(buf[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Add("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x")
	f.Fuzz(func(t *testing.T, text string) {
		trace, ok := chat.ParseTrace(text)
		if again, same := chat.ParseTrace(trace.String()); ok && (!same || again != trace) {
			t.Errorf("%q is read as %v and that as %v", text, trace, again)
		}
	})
}
