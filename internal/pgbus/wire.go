package pgbus

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxPayload is the longest notification that we send, in bytes. PostgreSQL takes 7,999.
const MaxPayload = 7_500

// A notification is "parley/1 <kind> <sender> <number>", a line feed, and what the kind says. The number makes
// each one different: PostgreSQL drops equal ones of one transaction.
const (
	magic   = "parley/"
	version = magic + "1 "
)

const (
	kindEnvelope = "envelope" // the topic, a line feed, the envelope
	kindLost     = "lost"     // topics, one a line; none means any
	kindProbe    = "probe"    // nothing
)

// notification is what was read from one.
type notification struct {
	kind, sender string
	topic        string
	envelope     string
	topics       []string
}

// reading is how far a payload could be read.
type reading int

const (
	read    reading = iota
	foreign         // somebody else's
	unknown         // a newer node's, about which nothing is known
)

// encodeEnvelope writes an envelope's notification. It does not fit when it is too long, or is not text that
// PostgreSQL stores.
func encodeEnvelope(sender string, number uint64, topic string, envelope []byte) (text string, fits bool) {
	if !travels(topic) || !utf8.Valid(envelope) || bytes.IndexByte(envelope, 0) >= 0 {
		return "", false
	}
	text = head(kindEnvelope, sender, number) + topic + "\n" + string(envelope)
	return text, len(text) <= MaxPayload
}

// travels reports whether a topic can be named.
func travels(topic string) bool {
	return utf8.ValidString(topic) && !strings.ContainsAny(topic, "\n\x00") && len(topic) <= MaxPayload/8
}

// encodeLost writes notices that topics have lost something, in as many notifications as they need; nil is any
// topic.
func encodeLost(sender string, next func() uint64, topics []string) []string {
	if topics == nil {
		return []string{head(kindLost, sender, next())}
	}
	var out []string
	text := head(kindLost, sender, next())
	for _, topic := range topics {
		if len(text)+len(topic)+1 > MaxPayload {
			out = append(out, text)
			text = head(kindLost, sender, next())
		}
		text += topic + "\n"
	}
	return append(out, text)
}

func encodeProbe(sender string, number uint64) string { return head(kindProbe, sender, number) }

func head(kind, sender string, number uint64) string {
	return version + kind + " " + sender + " " + strconv.FormatUint(number, 10) + "\n"
}

// decode reads a payload.
func decode(payload string) (notification, reading) {
	if !strings.HasPrefix(payload, magic) {
		return notification{}, foreign
	}
	first, rest, whole := strings.Cut(payload, "\n")
	words := strings.Fields(first)
	if !whole || len(words) != 4 || words[0]+" " != version {
		return notification{}, unknown
	}
	n := notification{kind: words[1], sender: words[2]}
	switch n.kind {
	case kindProbe:
	case kindLost:
		for topic := range strings.Lines(rest) {
			n.topics = append(n.topics, strings.TrimSuffix(topic, "\n"))
		}
	case kindEnvelope:
		if n.topic, n.envelope, whole = strings.Cut(rest, "\n"); !whole {
			return notification{}, unknown
		}
	default:
		return notification{}, unknown
	}
	return n, read
}
