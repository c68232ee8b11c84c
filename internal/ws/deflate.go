package ws

import (
	"bytes"
	"io"
	"sync"

	"github.com/gobwas/ws/wsflate"
	"github.com/klauspost/compress/flate"

	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// deflateFrom is the size from which a frame is worth compressing.
	deflateFrom = 256
	// deflateLevel is the quickest level that compresses.
	deflateLevel = 1
)

// deflateParameters make every message stand alone: no window is kept between messages, so that an
// idle connection costs nothing more (RFC 7692 §7.1.1).
var deflateParameters = wsflate.Parameters{ServerNoContextTakeover: true, ClientNoContextTakeover: true}

// flushTail is what a sender takes off a compressed message (RFC 7692 §7.2.1), and an empty last block.
const flushTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

var (
	inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}
	deflaters = sync.Pool{New: func() any {
		w, err := flate.NewWriter(nil, deflateLevel)
		if err != nil {
			panic(err) // the level is a constant
		}
		return w
	}}
)

// inflater opens the compressed messages of one connection. The limit of 64 KiB counts what comes out,
// so that nothing bigger is ever held (C2.5).
type inflater struct{}

func (*inflater) message(compressed []byte) ([]byte, *fault) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	source := io.MultiReader(bytes.NewReader(compressed), bytes.NewReader([]byte(flushTail)))
	if err := r.(flate.Resetter).Reset(source, nil); err != nil {
		return nil, &fault{protocol.CloseProtocol, "broken compression"}
	}
	message, err := io.ReadAll(io.LimitReader(r, protocol.MaxFrame+1))
	switch {
	case err != nil:
		return nil, &fault{protocol.CloseProtocol, "broken compression"}
	case len(message) > protocol.MaxFrame:
		return nil, &fault{protocol.CloseTooBig, "a message has at most 64 KiB"}
	}
	return message, nil
}

// deflate compresses a message to stand alone, or reports false when that would not make it smaller.
func deflate(message []byte) ([]byte, bool) {
	if len(message) < deflateFrom {
		return nil, false
	}
	var out bytes.Buffer
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(&out)
	// A buffer takes everything.
	_, _ = w.Write(message)
	_ = w.Flush()
	compressed := bytes.TrimSuffix(out.Bytes(), []byte(flushTail[:4]))
	return compressed, len(compressed) < len(message)
}
