package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

const (
	// maxNesting bounds how deep values lie in each other, maxText one text; Redis stays far below the one and has
	// the other as its own bound.
	maxNesting = 16
	maxText    = 512 << 20
)

// errNotRESP says that the bytes are not what a Redis says.
var errNotRESP = errors.New("not RESP3")

// frame is one whole value of RESP3 as it stands on the wire: an answer or a push.
type frame struct {
	raw              []byte
	channel, message string // of what somebody has published; "" of everything else
}

// readFrame reads the next frame. With an error, io.EOF at the end and in the middle of a frame alike, it returns what
// it has read of it.
func readFrame(r *bufio.Reader) (frame, error) {
	w := wire{reader: r}
	kind, n, err := w.head()
	if err != nil || kind != '>' {
		if err == nil {
			err = w.rest(kind, n, 0)
		}
		return frame{raw: w.raw.Bytes()}, err
	}
	parts := make([][2]int, 0, 4)
	for range n {
		from := w.raw.Len()
		if err := w.value(1); err != nil {
			return frame{raw: w.raw.Bytes()}, err
		}
		parts = append(parts, [2]int{from, w.raw.Len()})
	}
	f := frame{raw: w.raw.Bytes()}
	f.read(parts)
	return f, nil
}

// read takes out of a push what it says, if it is a published message.
func (f *frame) read(parts [][2]int) {
	part := func(i int) string { return text(f.raw[parts[i][0]:parts[i][1]]) }
	switch n := len(parts); {
	case n == 3 && (part(0) == "message" || part(0) == "smessage"), n == 4 && part(0) == "pmessage":
		f.channel, f.message = part(n-2), part(n-1)
	}
}

// text is the content of a value that is a text, "" of any other.
func text(value []byte) string {
	head, rest, _ := bytes.Cut(value, []byte("\r\n"))
	switch {
	case len(head) > 0 && head[0] == '+':
		return string(head[1:])
	case len(head) > 0 && head[0] == '$' && len(rest) >= 2:
		return string(rest[:len(rest)-2])
	}
	return ""
}

// wire reads values and keeps their bytes.
type wire struct {
	reader *bufio.Reader
	raw    bytes.Buffer
}

func (w *wire) value(depth int) error {
	kind, n, err := w.head()
	if err != nil {
		return err
	}
	return w.rest(kind, n, depth)
}

// head reads a value's first line: its kind, and for those that have more than the line how much.
func (w *wire) head() (kind byte, n int, err error) {
	line, err := w.reader.ReadBytes('\n')
	w.raw.Write(line)
	switch {
	case err != nil:
		return 0, 0, err
	case len(line) < 3 || line[len(line)-2] != '\r':
		return 0, 0, errNotRESP
	}
	switch kind = line[0]; kind {
	case '+', '-', ':', '_', ',', '#', '(':
		return kind, 0, nil
	case '$', '!', '=', '*', '~', '>', '%', '|':
		// An error is also a length that is told later, chunk by chunk, which Redis never does.
		if n, err = strconv.Atoi(string(line[1 : len(line)-2])); err != nil || n < -1 || n > maxText {
			return 0, 0, errNotRESP
		}
		return kind, n, nil
	}
	return 0, 0, errNotRESP
}

// rest reads what follows a value's first line. A length of -1 stands for nothing at all.
func (w *wire) rest(kind byte, n, depth int) error {
	if depth > maxNesting {
		return errNotRESP
	}
	switch kind {
	case '$', '!', '=':
		if n < 0 {
			return nil
		}
		_, err := io.CopyN(&w.raw, w.reader, int64(n)+2)
		return err
	case '%', '|':
		n *= 2
	case '*', '~', '>':
	default:
		return nil
	}
	for range n {
		if err := w.value(depth + 1); err != nil {
			return err
		}
	}
	return nil
}
