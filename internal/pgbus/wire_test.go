package pgbus

import (
	"strings"
	"testing"
)

func FuzzWhateverIsOnTheChannelIsRead(f *testing.F) {
	whole, _ := encodeEnvelope("sender", 7, "topic", []byte(`{"a":"\n"}`))
	f.Add(whole)
	f.Add(encodeProbe("sender", 1))
	f.Add(encodeLost("sender", func() uint64 { return 2 }, []string{"a", "b"})[0])
	f.Add("parley/1 envelope s 1\n")
	f.Add("parley/9")
	f.Add("x")
	f.Fuzz(func(t *testing.T, payload string) {
		n, how := decode(payload)
		if how == foreign && strings.HasPrefix(payload, magic) || how == read && n.kind == "" {
			t.Errorf("%q is read as %+v", payload, n)
		}
		if text, fits := encodeEnvelope("s", 1, "topic", []byte(payload)); fits {
			if back, how := decode(text); how != read || back.topic != "topic" || back.envelope != payload || back.sender != "s" {
				t.Errorf("%q comes back as %+v", payload, back)
			}
		}
	})
}
