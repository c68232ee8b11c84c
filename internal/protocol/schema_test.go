package protocol

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// serverEvents has one of each type of event.
var serverEvents = []Event{
	AuthSuccess{}, AuthError{}, AuthExpiring{}, Subscribed{}, CaughtUp{}, Unsubscribed{}, MessageSent{}, MessageError{},
	MessageDelivered{}, TypingStarted{}, TypingStopped{}, ReceiptSynced{}, ReceiptUpdated{}, ReceiptCount{}, PresenceChanged{}, PresenceState{}, FriendChanged{}, BlockChanged{}, ConversationAdded{}, ConversationRemoved{},
	ConversationActivity{}, Announcement{}, Draining{}, Problem{},
	ChangeEvent{Type: "message:received"}, ChangeEvent{Type: "message:updated"}, ChangeEvent{Type: "message:deleted"},
	ChangeEvent{Type: "conversation:updated"},
}

// changeMembers are the members that each change event has.
var changeMembers = map[string][]string{
	"message:received":     {"message"},
	"message:updated":      {"message"},
	"message:deleted":      {"conversationId", "messageId", "seq", "rev", "deletedAt", "message"},
	"conversation:updated": {"conversationId", "rev", "conversation"},
}

type schema = map[string]any

// schemas turns Go types into JSON Schema (2020-12). Named structs become definitions.
type schemas struct{ defs schema }

func (s *schemas) of(t reflect.Type) schema {
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return schema{"type": "integer"}
	case reflect.Slice:
		return schema{"type": "array", "items": s.of(t.Elem())}
	case reflect.Struct:
		if _, done := s.defs[t.Name()]; !done {
			s.defs[t.Name()] = schema{}
			s.defs[t.Name()] = s.object(t)
		}
		return schema{"$ref": "#/$defs/" + t.Name()}
	}
	panic("a type that the wire does not have: " + t.String())
}

func (s *schemas) object(t reflect.Type) schema {
	properties, required := schema{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" {
			continue
		}
		properties[name] = s.property(f)
		if options != "omitzero" {
			required = append(required, name)
		}
	}
	return schema{"type": "object", "properties": properties, "required": required}
}

func (s *schemas) property(f reflect.StructField) schema {
	p := s.of(f.Type)
	for _, tag := range []string{"format", "description"} {
		source := tag
		if tag == "description" {
			source = "doc"
		}
		if v := f.Tag.Get(source); v != "" {
			p[tag] = v
		}
	}
	if v := f.Tag.Get("enum"); v != "" {
		p["enum"] = strings.Split(v, ",")
	}
	if v := f.Tag.Get("minimum"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			panic(err)
		}
		p["minimum"] = n
	}
	if f.Tag.Get("nullable") == "true" {
		return schema{"anyOf": []schema{p, {"type": "null"}}}
	}
	return p
}

// frame adds the type to what a frame has.
func frame(body schema, kind string) schema {
	properties := maps.Clone(body["properties"].(schema))
	properties["type"] = schema{"const": kind}
	required := slices.DeleteFunc(slices.Clone(body["required"].([]string)), func(name string) bool { return name == "type" })
	return schema{"type": "object", "title": kind, "properties": properties, "required": append([]string{"type"}, required...)}
}

func (s *schemas) event(e Event) schema {
	body := s.object(reflect.TypeOf(e))
	if members, change := changeMembers[e.eventType()]; change {
		only := schema{}
		for _, name := range members {
			only[name] = body["properties"].(schema)[name]
		}
		body = schema{"properties": only, "required": members}
	}
	return frame(body, e.eventType())
}

func TestTheSchemaIsTheOneThatTheTypesMake(t *testing.T) {
	s := &schemas{defs: schema{}}
	var client, server []schema
	for _, kind := range slices.Sorted(maps.Keys(commands)) {
		f := frame(s.object(reflect.TypeOf(commands[kind]()).Elem()), kind)
		f["properties"].(schema)["traceparent"] = schema{"type": "string", "description": "The trace that this is a part of, by W3C Trace Context. What is none is ignored."}
		client = append(client, f)
	}
	for _, e := range serverEvents {
		server = append(server, s.event(e))
	}
	defs := s.defs
	defs["ClientFrame"] = schema{"oneOf": client, "description": "What a client may send. Members that are not known are ignored."}
	defs["ServerFrame"] = schema{"oneOf": server, "description": "What the server sends. More members and more types may come; ignore what is not known."}
	golden(t, "ws.schema.json", schema{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "Parley over WebSocket, subprotocol chat.v1",
		"anyOf":   []schema{{"$ref": "#/$defs/ClientFrame"}, {"$ref": "#/$defs/ServerFrame"}},
		"$defs":   defs,
	})
}
