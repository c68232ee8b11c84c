package faults

import "strings"

// garbage is what no node of ours publishes.
var garbage = []string{
	"", "\x00\xff\xfe", "null", "[]", "7", `"text"`, "{", `{}`, `{"type":""}`, `{"type":7,"serverId":[],"payload":"x"}`,
	`{"type":"message:received"}`, `{"type":"message:received","serverId":"stranger"}`, `{"type":"message:received","serverId":"stranger","payload":null}`,
	`{"type":"message:received","serverId":"stranger","payload":{}}`, `{"type":"message:received","serverId":"stranger","payload":{"message":{"rev":"one"}}}`,
	`{"type":"message:received","serverId":"stranger","rev":-1,"payload":{"message":{"id":"x","seq":-1,"rev":-1}}}`,
	`{"type":"message:invented","serverId":"stranger","payload":{"a":1},"rev":9223372036854775807}`,
	`{"type":"conversation:removed","serverId":"stranger","payload":{"conversationId":17}}`,
	strings.Repeat("[", 10000), strings.Repeat("x", 2<<20),
}

// litter publishes all garbage to all channels of ours, and to some that could be.
func litter(s *Site, publish func(channel, text string) error) error {
	channels := []string{"chat:system", "chat:nodes", "chat:user:nobody", "chat:presence:nobody", "chat:conversation:nowhere"}
	for _, id := range s.Conversations() {
		channels = append(channels, "chat:conversation:"+id)
	}
	for _, channel := range channels {
		for _, text := range garbage {
			if err := publish(channel, text); err != nil {
				return err
			}
		}
	}
	return nil
}
