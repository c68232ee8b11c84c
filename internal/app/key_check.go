package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/store"
)

// fingerprint names a signing key without saying anything of it.
func fingerprint(key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("parley: the fingerprint of a signing key"))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// keysTaken are the fingerprints of the keys whose tokens a node with these settings takes, that of its own
// first. The error is fs.ErrNotExist when its own was not made yet.
func keysTaken(c *config.Config) (string, error) {
	key, err := keyAtHand(c)
	if err != nil {
		return "", err
	}
	taken := fingerprint(key)
	if c.PreviousKey != "" {
		taken += " " + fingerprint([]byte(c.PreviousKey))
	}
	return taken, nil
}

// understand reports whether two nodes take the tokens that the other one signs.
func understand(a, b string) bool {
	as, bs := strings.Fields(a), strings.Fields(b)
	return len(as) == 0 || len(bs) == 0 || slices.Contains(as, bs[0]) && slices.Contains(bs, as[0])
}

// CheckKeys refuses to sign beside nodes that would not take the tokens, or whose tokens would not be taken: people
// would be signed out whenever they come to another node.
func CheckKeys(ctx context.Context, c *config.Config, s *store.Store) error {
	nodes, err := s.Nodes(ctx)
	if err != nil || len(nodes) == 0 {
		return err
	}
	own, err := keysTaken(c)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if !understand(own, n.Keys) {
			return keyProblem(n)
		}
	}
	return nil
}

func keyProblem(other store.Node) error {
	return problem(nil, "the node "+other.ID+" at "+other.URL+", which runs on the same database, signs tokens with another key than this one",
		"give every node the same PARLEY_SIGNING_KEY (openssl rand -base64 48 makes one), or a copy of that node's file signing.key in its data folder. "+
			"To change the key, first let every node take the new one as PARLEY_PREVIOUS_SIGNING_KEY, one node after the other, and then swap the two. "+
			"If that node has ended, half a minute later it is forgotten")
}
