package redis

import (
	"crypto/rand"
	"strings"

	"github.com/go-json-experiment/json"
)

// probeType is the type of the envelope that every node sends itself, and all others, on chat:system.
const probeType = "bus:probe"

// probeHead is how a probe starts: other envelopes are not decoded to find that out.
const probeHead = `{"type":"` + probeType + `"`

// probe comes back to its node as long as publishing and subscribing both work, tells the others that the
// node is there, and carries what it could not publish.
type probe struct {
	Type     string       `json:"type"`
	ServerID string       `json:"serverId"`
	Payload  probePayload `json:"payload"`
}

type probePayload struct {
	// Instance tells two processes with the same serverId apart.
	Instance string `json:"instance"`
	// Reports is how many reports of losses there have been; a listener that knows of fewer missed one.
	Reports uint64 `json:"reports"`
	// Lost says that this is such a report: of the topics named, or of any when there are none.
	Lost   bool     `json:"lost,omitzero"`
	Topics []string `json:"topics,omitempty"`
}

func newInstance() string { return rand.Text() }

// encodeProbe writes the next probe of this node.
func (b *Bus) encodeProbe() ([]byte, error) {
	reports, lost, topics := b.losses.report()
	return json.Marshal(probe{probeType, b.cfg.NodeID, probePayload{b.instance, reports, lost, topics}})
}

// decodeProbe reads a probe. What is not one, or not a whole one, is none.
func decodeProbe(envelope string) (probe, bool) {
	var p probe
	if !strings.HasPrefix(envelope, probeHead) || json.Unmarshal([]byte(envelope), &p) != nil {
		return p, false
	}
	return p, p.ServerID != "" && p.Payload.Instance != ""
}
