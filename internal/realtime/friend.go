package realtime

import (
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

type (
	befriended struct {
		User   chat.UserID
		Friend chat.Friend
	}
	blocked struct {
		User, Other chat.UserID
		Blocked     bool
	}
)

// FriendshipChanged tells a person's sessions, on all nodes, how they stand to another.
func (h *Hub) FriendshipChanged(u chat.UserID, f chat.Friend) {
	h.friendshipChanged(u, f)
	if h.bus.Peers() {
		h.publish(UserTopic(u), envelopeFriendship, befriended{u, f})
	}
}

func (h *Hub) friendshipChanged(u chat.UserID, f chat.Friend) {
	h.sendTo(u, protocol.Encode(protocol.FriendChangedOf(f)))
}

// BlockChanged tells a person's sessions, on all nodes, that they blocked another, or lifted that.
func (h *Hub) BlockChanged(u, other chat.UserID, blocks bool) {
	h.blockChanged(u, other, blocks)
	if h.bus.Peers() {
		h.publish(UserTopic(u), envelopeBlock, blocked{u, other, blocks})
	}
}

func (h *Hub) blockChanged(u, other chat.UserID, blocks bool) {
	h.sendTo(u, protocol.Encode(protocol.BlockChanged{UserID: string(other), Blocked: blocks}))
}

// sendTo sends a frame to all sessions of a person on this node.
func (h *Hub) sendTo(u chat.UserID, frame []byte) {
	for _, s := range h.sessions.ofUser(u) {
		s.Send(frame)
	}
}
