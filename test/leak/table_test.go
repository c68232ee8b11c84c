package leak_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a field may tell of a person who hides. Without a mark it cannot depend on presence: it is what somebody wrote, what
// a conversation is, or the watcher's own.
const (
	// presence is what the person is: of one who hides it is offline, without a device, with the time of hiding or none.
	presence = "presence"
	// deed is who did something that needs a connection: nobody invisible.
	deed = "deed"
	// count moves when somebody reads. That one who hides does not move it only the comparison shows.
	count = "count"
)

// table knows every field of the server's events, by type, and of the shapes in them and in the answers of REST.
var table = map[string]string{
	"auth:success":          "userId sessionId serverId expiresAt",
	"auth:error":            "error code reason retryAfterMs traceId",
	"auth:expiring":         "expiresAt",
	"subscribed":            "conversationId lastSeq lastRev hasMore",
	"caught:up":             "conversationId rev",
	"unsubscribed":          "conversationId",
	"message:sent":          "clientMessageId messageId status timestamp conversationId seq rev",
	"message:error":         "clientMessageId error code retryable outcome reason retryAfterMs traceId",
	"message:received":      "message",
	"message:updated":       "message",
	"message:deleted":       "message conversationId messageId seq rev deletedAt",
	"message:delivered":     "conversationId userId=deed upToSeq=deed",
	"typing:started":        "conversationId userId=deed",
	"typing:stopped":        "conversationId userId=deed",
	"receipt:synced":        "conversationId unreadCount lastReadMessageId lastReadSeq lastReadAt",
	"receipt:updated":       "conversationId userId=deed messageId=deed seq=deed readAt=deed",
	"receipt:count":         "conversationId counts",
	"presence:changed":      "userId status=presence lastSeenAt=presence device=presence",
	"presence:state":        "presences",
	"friend:changed":        "userId status since user",
	"block:changed":         "userId blocked",
	"conversation:added":    "conversation",
	"conversation:updated":  "conversationId rev conversation",
	"conversation:removed":  "conversationId reason",
	"conversation:activity": "conversationId lastSeq senderId timestamp preview unreadCount",
	"system:announcement":   "text",
	"system:draining":       "reconnectInMs",
	"error":                 "error code retryable reason ref retryAfterMs traceId",

	"Presence":      "userId status=presence lastSeenAt=presence device=presence",
	"Presences":     "presences",
	"ReadCount":     "messageId readCount=count",
	"User":          "id username displayName createdAt",
	"Participant":   "user role joinedAt",
	"Message":       "id conversationId senderId seq rev content contentType clientMessageId createdAt updatedAt editedAt deletedAt",
	"Conversation":  "id type title ownerId participants participantCount lastMessage lastSeq lastRev unreadCount mentionCount lastReadMessageId lastReadSeq createdAt updatedAt",
	"Conversations": "conversations nextCursor hasMore page limit",
	"Messages":      "messages nextCursor newerCursor hasMore",
	"Participants":  "participants nextCursor hasMore",
	"ChangeEvent":   "type message conversationId messageId seq rev deletedAt conversation",
	"Changes":       "changes lastRev hasMore",
	"Reader":        "user=count readAt=count",
	"Receipts":      "receipts readCount=count nextCursor=count hasMore=count",
	"ReadState":     "conversationId unreadCount lastReadMessageId lastReadSeq lastReadAt",
	"Users":         "users nextCursor hasMore",
	"Friend":        "user status since",
	"Friends":       "friends nextCursor hasMore",
	"Block":         "user since",
	"Blocks":        "blocks nextCursor hasMore",
	"Me":            "id username displayName createdAt email readReceiptsEnabled presenceEnabled presenceSharing presenceInvisible",
	"SignedIn":      "user accessToken expiresIn",
	"Problem":       "type title status detail code retryable retryAfterMs outcome reason traceId errors",
	"FieldError":    "field message",
}

// marks are the fields of a type and what each may tell; nil when the type is not known.
func marks(kind string) map[string]string {
	row, known := table[kind]
	if !known {
		return nil
	}
	out := map[string]string{}
	for _, field := range strings.Fields(row) {
		name, mark, _ := strings.Cut(field, "=")
		out[name] = mark
	}
	return out
}

// schema is what the documents say of types: the fields of each, and of which type they are where that is one of ours.
type schema struct {
	fields map[string]map[string]string // "" for a field of no type of ours
	events []string
	routes map[string]string // the answer's type, by "GET /path"
}

// node is a piece of JSON Schema.
type node struct {
	Ref        string           `json:"$ref"`
	Properties map[string]*node `json:"properties"`
	Items      *node            `json:"items"`
	OneOf      []*node          `json:"oneOf"`
	AnyOf      []*node          `json:"anyOf"`
	AllOf      []*node          `json:"allOf"`
	Title      string           `json:"title"`
}

// of is the type of ours that a node is, or is a list of.
func (n *node) of() string {
	if n == nil {
		return ""
	}
	if n.Ref != "" {
		return n.Ref[strings.LastIndexByte(n.Ref, '/')+1:]
	}
	for _, part := range slices.Concat(n.OneOf, n.AnyOf, n.AllOf, []*node{n.Items}) {
		if kind := part.of(); kind != "" {
			return kind
		}
	}
	return ""
}

func (s *schema) add(kind string, n *node) {
	if s.fields[kind] == nil {
		s.fields[kind] = map[string]string{}
	}
	for name, field := range n.Properties {
		if name == "type" && slices.Contains(s.events, kind) {
			continue
		}
		s.fields[kind][name] = field.of()
	}
}

// readSchema reads what the server says that it may send, from the documents that are made of its code.
func readSchema(t *testing.T) *schema {
	t.Helper()
	var socket struct {
		Defs map[string]*node `json:"$defs"`
	}
	var rest struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct {
					Schema *node `json:"schema"`
				} `json:"content"`
			} `json:"responses"`
		} `json:"paths"`
		Components struct {
			Schemas map[string]*node `json:"schemas"`
		} `json:"components"`
	}
	for path, into := range map[string]any{"ws.schema.json": &socket, "openapi.json": &rest} {
		text, err := os.ReadFile(filepath.Join("..", "..", "api", path))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	s := &schema{fields: map[string]map[string]string{}, routes: map[string]string{}}
	for _, event := range socket.Defs["ServerFrame"].OneOf {
		s.events = append(s.events, event.Title)
		s.add(event.Title, event)
	}
	for name, n := range socket.Defs {
		if name != "ServerFrame" && name != "ClientFrame" {
			s.add(name, n)
		}
	}
	var told []string
	for path, methods := range rest.Paths {
		for method, operation := range methods {
			for status, response := range operation.Responses {
				for _, content := range response.Content {
					kind := content.Schema.of()
					told = append(told, kind)
					if status == "200" {
						s.routes[strings.ToUpper(method)+" "+path] = kind
					}
				}
			}
		}
	}
	for len(told) > 0 {
		kind := told[0]
		told = told[1:]
		n := rest.Components.Schemas[kind]
		if n == nil {
			continue
		}
		delete(rest.Components.Schemas, kind)
		s.add(kind, n)
		for _, field := range s.fields[kind] {
			told = append(told, field)
		}
	}
	delete(s.fields, "Subscription")
	return s
}

// unknown are what the server may send and the table does not know, and what it knows in vain.
func (s *schema) unknown() (out []string) {
	for kind, fields := range s.fields {
		known := marks(kind)
		if known == nil {
			out = append(out, kind)
			continue
		}
		for name := range fields {
			if _, has := known[name]; !has {
				out = append(out, kind+"."+name)
			}
		}
		for name := range known {
			if _, has := fields[name]; !has {
				out = append(out, kind+"."+name+" (which is gone)")
			}
		}
	}
	for kind := range table {
		if s.fields[kind] == nil {
			out = append(out, kind+" (which is gone)")
		}
	}
	slices.Sort(out)
	return out
}

func TestEveryFieldThatTheServerMayTellIsKnown(t *testing.T) {
	s := readSchema(t)
	for _, field := range s.unknown() {
		t.Errorf("%s: say in the table whether it may tell that a person is there", field)
	}
	for route := range s.routes {
		if path, is := strings.CutPrefix(route, "GET "); is && recipes[path] == nil {
			t.Errorf("%s: say in recipes how the watcher asks for it", route)
		}
	}
	for path := range recipes {
		if _, served := s.routes["GET "+path]; !served {
			t.Errorf("GET %s is gone", path)
		}
	}
}

func TestAFieldThatNobodyThoughtAboutIsFound(t *testing.T) {
	s := readSchema(t)
	before := s.unknown()
	s.fields["User"]["lastActiveAt"] = ""
	s.fields["typing:paused"] = map[string]string{"userId": ""}
	found := s.unknown()
	found = slices.DeleteFunc(found, func(field string) bool { return slices.Contains(before, field) })
	if fmt.Sprint(found) != "[User.lastActiveAt typing:paused]" {
		t.Errorf("found %v", found)
	}
}

// walk visits every object of a value that is of one of our types, and says what the table does not know.
func (s *schema) walk(kind string, value any, visit func(kind string, object map[string]any)) (unknown []string) {
	if list, is := value.([]any); is {
		for _, v := range list {
			unknown = append(unknown, s.walk(kind, v, visit)...)
		}
		return unknown
	}
	object, is := value.(map[string]any)
	if !is || kind == "" {
		return nil
	}
	known := marks(kind)
	visit(kind, object)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if _, has := known[name]; !has && name != "type" {
			unknown = append(unknown, kind+"."+name)
		}
		unknown = append(unknown, s.walk(s.fields[kind][name], object[name], visit)...)
	}
	return unknown
}
