package cluster

import (
	"github.com/go-json-experiment/json"
)

// Topic is where nodes speak about the bus itself.
const Topic = "chat:nodes"

// The types of notices.
const (
	// noticeGap: what this node published before may not have arrived.
	noticeGap = "bus:gap"
	// noticeAway: this node's Redis is away.
	noticeAway = "bus:redis_away"
	// noticeHello: this node has come, or stood still for a while.
	noticeHello = "bus:hello"
)

// notice has the shape of every envelope.
type notice struct {
	Type     string `json:"type"`
	ServerID string `json:"serverId"`
	Payload  struct {
		// Process tells two processes with one serverId apart.
		Process string `json:"process"`
	} `json:"payload"`
}

func (b *Bus) notice(kind string) []byte {
	n := notice{Type: kind, ServerID: b.cfg.NodeID}
	n.Payload.Process = b.process
	envelope, err := json.Marshal(n)
	if err != nil {
		panic("cluster: a notice has no JSON: " + err.Error())
	}
	return envelope
}

// readNotice returns the type of another node's notice, "" for our own and for what nobody can read.
func (b *Bus) readNotice(envelope []byte) (kind string) {
	var n notice
	if json.Unmarshal(envelope, &n) != nil || n.Payload.Process == b.process {
		return ""
	}
	return n.Type
}
