package proxy

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// said are frames as a Redis says them, and what was published by them.
var said = []frame{
	{raw: []byte("+OK\r\n")},
	{raw: []byte(":1000\r\n")},
	{raw: []byte("-ERR no such thing\r\n")},
	{raw: []byte("$5\r\na\r\nbc\r\n")},
	{raw: []byte("$0\r\n\r\n")},
	{raw: []byte("$-1\r\n")},
	{raw: []byte("*-1\r\n")},
	{raw: []byte("*0\r\n")},
	{raw: []byte("_\r\n")},
	{raw: []byte("#t\r\n")},
	{raw: []byte(",1.5\r\n")},
	{raw: []byte("(3492890328409238509324850943850943825024385\r\n")},
	{raw: []byte("!9\r\nERR large\r\n")},
	{raw: []byte("=8\r\ntxt:text\r\n")},
	{raw: []byte("*2\r\n$4\r\n>3\r\n\r\n~1\r\n:1\r\n")},
	{raw: []byte("%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n")},
	{raw: []byte("|1\r\n+ttl\r\n:1\r\n")},
	{raw: []byte(">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")},
	{raw: []byte(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n")},
	{raw: []byte(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\n\r\n>3\r\n"), channel: "c", message: "\r\n>3"},
	{raw: []byte(">3\r\n+message\r\n+c\r\n$0\r\n\r\n"), channel: "c"},
	{raw: []byte(">3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"), channel: "c", message: "m"},
	{raw: []byte(">4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\nc1\r\n$1\r\nm\r\n"), channel: "c1", message: "m"},
}

func wholeSpeech() string {
	var all strings.Builder
	for _, f := range said {
		all.Write(f.raw)
	}
	return all.String()
}

func TestWhatARedisSaysIsReadFrameByFrame(t *testing.T) {
	for name, from := range map[string]io.Reader{
		"at once": strings.NewReader(wholeSpeech()), "byte by byte": iotest.OneByteReader(strings.NewReader(wholeSpeech())),
	} {
		r := bufio.NewReaderSize(from, 16)
		for _, want := range said {
			f, err := readFrame(r)
			if err != nil || string(f.raw) != string(want.raw) || f.channel != want.channel || f.message != want.message {
				t.Fatalf("%s: read %q of %q with %q, %v; want %q", name, f.raw, f.channel, f.message, err, want.raw)
			}
		}
		if f, err := readFrame(r); err != io.EOF || len(f.raw) > 0 {
			t.Errorf("%s: at the end it read %q, %v", name, f.raw, err)
		}
	}
}

func TestNoByteIsLostWhereverASpeechEnds(t *testing.T) {
	whole := wholeSpeech()
	for n := range len(whole) {
		if got, err := readAll(whole[:n]); got != whole[:n] || err != io.EOF {
			t.Fatalf("of %q it read %q, %v", whole[:n], got, err)
		}
	}
}

func TestWhatIsNotRESPIsRecognized(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 400 Bad Request\r\n", "\r\n", "+OK\n", "*?\r\n", "$?\r\n", "$x\r\n", "$-2\r\n", "$99999999999999999999\r\n", "*1\r\nx\r\n",
		strings.Repeat("*1\r\n", maxNesting+2),
	} {
		got, err := readAll(text)
		if !errors.Is(err, errNotRESP) || !strings.HasPrefix(text, got) || got == "" {
			t.Errorf("of %q it read %q, %v", text, got, err)
		}
	}
}

// readAll returns the bytes of all frames, and why there are no more.
func readAll(text string) (got string, err error) {
	r := bufio.NewReader(strings.NewReader(text))
	for {
		f, err := readFrame(r)
		if got += string(f.raw); err != nil {
			return got, err
		}
	}
}

func FuzzFrames(f *testing.F) {
	for _, s := range said {
		f.Add(string(s.raw))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readAll(text)
		if !strings.HasPrefix(text, got) || err == io.EOF && got != text {
			t.Errorf("of %q it read %q, %v", text, got, err)
		}
	})
}
