package status

// Node is how one node is, as it says itself. Everything in it is of the process that runs now.
type Node struct {
	ID      string `json:"id"`      // serverId
	Process string `json:"process"` // a UUID of this start; "" of a node on SQLite, which is alone
	Version string `json:"version"`
	URL     string `json:"url"` // where it listens

	Up     float64 `json:"up"`     // seconds since it started
	Silent float64 `json:"silent"` // seconds since it said how it is; 0 of the node that was asked itself
	// Told is false of a program that does not write how it is into the registry: then what follows is not known.
	Told bool `json:"told"`

	Ready    bool              `json:"ready"` // what /health/ready says (C8.5)
	Draining bool              `json:"draining"`
	Degraded []string          `json:"degraded,omitempty"` // parts that are away and can be done without
	Checks   map[string]string `json:"checks"`             // by part, "ok" or a word for what it is instead
	Stuck    []string          `json:"stuck,omitempty"`    // parts of the process that do not go on: /health/live fails

	Connections int    `json:"connections"` // open sockets
	Sessions    int    `json:"sessions"`    // those of people who are signed in
	Sends       Sends  `json:"sends"`       // of the last minute
	Queue       int    `json:"queue"`       // sends that wait to be stored, or are being stored
	Bus         string `json:"bus"`         // how it reaches the others: redis, database, or alone if it cannot; or [NotNeeded]

	Database Database          `json:"database"`
	Breakers map[string]string `json:"breakers,omitempty"` // by part: closed, half_open or open
	Storage  *Storage          `json:"storage,omitempty"`  // nil where the node cannot see the disk of its database

	HeapBytes  uint64 `json:"heapBytes"`
	Goroutines int    `json:"goroutines"`

	// Warnings are for the operator alone: they may name other nodes. They are not written into the registry.
	Warnings []string `json:"warnings,omitempty"`
}

// NotNeeded is the Bus of a node on SQLite, which has no others.
const NotNeeded = "not needed"

// Database is how the connections to the database are used.
type Database struct {
	Kind string `json:"kind"` // sqlite or postgres
	Used int    `json:"used"`
	Idle int    `json:"idle"`
	Max  int    `json:"max"`
}

// Storage is the disk of the database.
type Storage struct {
	FreeBytes uint64 `json:"freeBytes"`
	ReadOnly  bool   `json:"readOnly"` // writes are refused until there is room again
}

// late is how many seconds ago a node that is well has been heard of at most. It beats every 5 s, and who is asked looks at
// the others as often: one has missed two beats, and had a moment for them.
const late = 12

// silent reports whether a node has not said for too long how it is.
func (n *Node) silent() bool { return n.Silent > late }

// troubles are what is wrong with the node, in words.
func (n *Node) troubles() []string {
	var out []string
	for _, part := range sortedKeys(n.Checks) {
		if word := n.Checks[part]; word != "ok" && !(part == "sockets" && n.Draining) {
			out = append(out, part+" "+word)
		}
	}
	for _, part := range n.Stuck {
		out = append(out, part+" stuck")
	}
	for _, part := range sortedKeys(n.Breakers) {
		if state := n.Breakers[part]; state != "closed" {
			out = append(out, "breaker of "+part+" "+state)
		}
	}
	if n.Storage != nil && n.Storage.ReadOnly && n.Checks["storage"] == "" {
		out = append(out, "read-only")
	}
	return out
}
