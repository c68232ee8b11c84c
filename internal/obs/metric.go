package obs

import "github.com/prometheus/client_golang/prometheus"

// The kinds of metrics.
const (
	Counter   = "counter"
	Gauge     = "gauge"
	Histogram = "histogram"
)

// Metric is one family of samples.
type Metric struct {
	Name string
	Kind string // Counter, Gauge or Histogram
	// Labels are the names of the labels; Help says which values they take.
	Labels []string
	Help   string

	desc *prometheus.Desc
}

// SendSeconds are the upper bounds of chat_message_send_latency_seconds, as the seed has them (DOC-008).
var SendSeconds = []float64{0.1, 0.5, 1, 3}

// FlushBuckets are the upper bounds of chat_receipts_flush_seconds: the next flush begins after 10 s.
var FlushBuckets = []float64{0.01, 0.05, 0.2, 1, 10}

// The metrics of a node. The names that begin with go_ and process_ are those of the Go runtime and of the
// process, and come from the Prometheus library.
var (
	NodeInfo = metric(Gauge, "chat_node_info", "Always 1: its labels say which node this is, of which version, and on which database, sqlite or postgres.", "server_id", "version", "database")
	Ready    = metric(Gauge, "chat_ready", "1 while /health/ready answers 200, else 0.")

	SendLatency = metric(Histogram, "chat_message_send_latency_seconds", "From a message's arrival to its answer, of sends that were stored or whose outcome is unknown.")
	Sends       = metric(Counter, "chat_messages_sent_total", "Sends answered, by result: stored, duplicate (a retry, answered as the first time), rejected, unknown (it may have been stored).", "result")

	Connections        = metric(Gauge, "chat_connections", "Open WebSocket connections.")
	ConnectionsMax     = metric(Gauge, "chat_connections_max", "Most WebSocket connections that this node takes (max_connections); 0 is no bound.")
	ConnectionsRefused = metric(Counter, "chat_connections_refused_total", "WebSocket connections that found no place, by limit: node (max_connections), user, address.", "limit")
	Sessions           = metric(Gauge, "chat_sessions", "Open WebSocket connections of people who are signed in.")

	ReadsGathered   = metric(Counter, "chat_reads_gathered_total", "Reads of large conversations.")
	ReadsHanded     = metric(Counter, "chat_reads_handed_total", "How often such reads were handed on, together; the first divided by this is how many cost as much as one.")
	ReceiptsFlushed = metric(Counter, "chat_receipts_flushed_total", "Steps of reading that left the queue or went back to its end, by result: written, again (it could not be written and is tried again), buried (it could not in five tries).", "result")
	ReceiptsWaiting = metric(Gauge, "chat_receipts_waiting", "Steps of reading that waited to be written after the last flush, of all nodes that share the queue.")
	FlushSeconds    = metric(Histogram, "chat_receipts_flush_seconds", "How long a flush of steps of reading took, of those that had something to do.")
	FlushFailures   = metric(Counter, "chat_receipts_flush_failures_total", "Flushes that the database or the queue was away for. What they did not write waits.")

	PresenceDevices  = metric(Gauge, "chat_presence_devices", "Connections of this node's people by what their devices are: online, away.", "status")
	PresenceBeats    = metric(Counter, "chat_presence_beats_total", "Beats of devices of this node's people: one each 15 s, and one for each change.")
	PresenceTold     = metric(Counter, "chat_presence_told_total", "Times that this node told that somebody's presence changed.")
	PresenceLapsed   = metric(Counter, "chat_presence_lapsed_total", "Changes of presence told because nothing was heard of somebody for 30 s. They count among those told, too.")
	PresenceFailures = metric(Counter, "chat_presence_failures_total", "Rounds that Redis or the database was away for, by part: beats, lapses. What they did not do is tried again each second.", "part")
	PresencePairs    = metric(Gauge, "chat_presence_pairs", "Pairs of one who is connected to this node and one whose presence they watch.")
	PresenceOwed     = metric(Gauge, "chat_presence_owed", "Sessions that have not been told all that they watch: they came a moment ago, or read too slowly.")
	PresenceEvents   = metric(Counter, "chat_presence_events_total", "Changes of presence told to sessions of this node, one for each session.")
	PresenceStates   = metric(Counter, "chat_presence_states_total", "Full states told to sessions: one when they come, and one when they have read what kept them from being told changes.")
	PresenceReads    = metric(Counter, "chat_presence_watching_reads_total", "Times that it was read whom some of this node's people watch.")

	BusState      = metric(Gauge, "chat_bus_state", "1 for the way by which this node reaches the others now, 0 for the others: redis, database, alone.", "state")
	BusPublished  = metric(Counter, "chat_bus_published_total", "Envelopes handed to the other nodes, by path: redis, database.", "path")
	BusHeard      = metric(Counter, "chat_bus_heard_total", "Envelopes heard from other nodes, by path: redis, database.", "path")
	BusDropped    = metric(Counter, "chat_bus_dropped_total", "Envelopes that could not be published, or that this node was too slow for, by path: redis, database. The store makes up for them.", "path")
	BusReconnects = metric(Counter, "chat_bus_reconnects_total", "Times that the connection to a path was made anew, by path: redis, database.", "path")
	BusLost       = metric(Counter, "chat_bus_lost_total", "Times that the bus said that envelopes may have been lost.")
	BusMisheard   = metric(Counter, "chat_bus_misheard_total", "Envelopes that could not be read, or said what the store does not hold.")
	RedisEvicts   = metric(Gauge, "chat_redis_evicts", "1 while Redis may throw away what it has no room for (its maxmemory-policy is not noeviction): then what people read may be lost. Only with Redis.")
	Nodes         = metric(Gauge, "chat_nodes", "Nodes that serve this database, this one among them.")

	FollowedTopics    = metric(Gauge, "chat_followed_topics", "Topics of the bus that this node follows.")
	Comparisons       = metric(Counter, "chat_comparisons_total", "Conversations compared with the store.")
	ComparisonsBehind = metric(Counter, "chat_comparisons_behind_total", "Conversations of which something had not been heard, of those compared.")
	GapsRepaired      = metric(Counter, "chat_gaps_repaired_total", "Times that a conversation's missing changes were read from the store.")

	LimitsCounted = metric(Counter, "chat_limits_counted_total", "Uses counted against rate limits: shared by all nodes, or local to this one while Redis does not answer. Only with Redis.", "counted")

	BreakerState  = metric(Gauge, "chat_breaker_state", "1 for the state in which the breaker before a part is, 0 for the others: closed (the part answers), half_open (a probe is under way), open (it does not answer and is left alone). Parts are database, redis_limits, redis_receipts, redis_presence; only on PostgreSQL, and with Redis.", "part", "state")
	BreakerOpened = metric(Counter, "chat_breaker_opened_total", "Times that a part was found not to answer and was left alone, by part as above.", "part")

	DatabaseConnections = metric(Gauge, "chat_database_connections", "Connections of the database pool, by state: used, idle. Of SQLite those that read.", "state")
	DatabaseMax         = metric(Gauge, "chat_database_connections_max", "Largest number of connections that the pool may have.")
	DatabaseWaits       = metric(Counter, "chat_database_waits_total", "How often a connection had to be waited for, because none was free.")
	DatabaseWaited      = metric(Counter, "chat_database_wait_seconds_total", "Seconds spent waiting for a free connection.")
	ReplicaReads        = metric(Counter, "chat_replica_reads_total", "Reads of history that a replica may answer, by result: served by it; by the primary because there it was behind, because it failed, or passed over because it had failed a moment ago.", "result")
)

// all has every metric in the order of the list above.
var all []*Metric

// All lists the metrics.
func All() []*Metric { return all }

func metric(kind, name, help string, labels ...string) *Metric {
	m := &Metric{Name: name, Kind: kind, Labels: labels, Help: help, desc: prometheus.NewDesc(name, help, labels, nil)}
	all = append(all, m)
	return m
}
