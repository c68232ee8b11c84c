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
	// Buckets are the upper bounds of a histogram; the last bucket has no bound.
	Buckets []float64

	desc *prometheus.Desc
}

// The upper bounds of histograms. latencies has the seed's for sends, 0.1, 0.5, 1 and 3 s (DOC-008), and others between and
// around them: half a millisecond is a send alone on a fast disk, and past 10 s nobody waits any more.
var (
	latencies  = []float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10}
	batchSizes = []float64{1, 2, 5, 10, 20, 50, 100, 200, 500}
	flushTimes = []float64{0.01, 0.05, 0.2, 1, 10} // the next flush begins after 10 s
)

// The metrics of a node. The names that begin with go_ and process_ are those of the Go runtime and of the
// process, and come from the Prometheus library.
var (
	NodeInfo = metric(Gauge, "chat_node_info", "Always 1: its labels say which node this is, of which version, and on which database, sqlite or postgres.", "server_id", "version", "database")
	Ready    = metric(Gauge, "chat_ready", "1 while /health/ready answers 200, else 0.")

	BuildInfo   = metric(Gauge, "chat_build_info", "Always 1: its labels say of which version this program is and by which Go it was built.", "version", "go_version")
	ClockAhead  = metric(Gauge, "chat_clock_ahead_seconds", "How far this node's clock is ahead of the database's; below 0 when it is behind. Only with PostgreSQL.")
	ClockUnsure = metric(Gauge, "chat_clock_uncertainty_seconds", "How far from true chat_clock_ahead_seconds may be. Above 0.025 nothing is timed between nodes. Only with PostgreSQL.")
	Panics      = metric(Counter, "chat_panics_total", "Faults of the program that ended one piece of work and nothing else, by where: websocket, http, rules, hub. The log has the stack.", "where")

	SendLatency = histogram("chat_message_send_latency_seconds", "From a message's arrival to its confirmation, of sends that were stored. One that the node refused, or whose outcome is unknown when it is answered after 2.9 s, counts above all buckets.", latencies)
	Sends       = metric(Counter, "chat_messages_sent_total", "Sends answered, by result: stored, duplicate (a retry, answered as the first time), rejected (it broke a rule), refused (the node could not: too much waits, or the database is away), unknown (it may have been stored).", "result")

	BatchMessages = histogram("chat_batch_messages", "Messages of a batch, which one transaction stores.", batchSizes)
	BatchCommit   = histogram("chat_batch_commit_seconds", "How long the store took for a batch, with up to three further tries.", latencies)
	BatchFailures = metric(Counter, "chat_batch_failures_total", "Batches that the store did not take in up to four tries, before they are taken apart to find what it does not take.")
	QueueMessages = metric(Gauge, "chat_send_queue_messages", "Messages that wait for the batches on their way to the store.")
	QueueBytes    = metric(Gauge, "chat_send_queue_bytes", "Bytes of text of those messages.")
	QueueFull     = metric(Gauge, "chat_send_queue_full_ratio", "How full the fullest part of that queue is, by messages or by bytes, from 0 to 1. At 1 a send is refused at once.")

	DeliveryLatency = histogram("chat_message_delivery_latency_seconds", "From the commit of a message, on whichever node, to its being handed to the sessions of this node that follow its conversation. Once for each message and node with such a session; by one clock, the database's.", latencies)
	DeliveryUntimed = metric(Counter, "chat_message_deliveries_untimed_total", "Messages that were handed to such sessions and are not in that histogram: they were read from the store because the bus had not brought them, or a clock was unsure.")
	Dropped         = metric(Counter, "chat_events_dropped_total", "Events that a session was not told because it reads slowly, by event: typing, presence (it is told the state later).", "event")
	CatchUps        = metric(Counter, "chat_catch_ups_total", "Times that a session came back to a conversation and was sent what it lacked, by result: whole, cut (it lacked over 1,000 changes and reads the rest over REST).", "result")
	CaughtUp        = metric(Counter, "chat_catch_up_changes_total", "Changes sent to sessions that came back.")

	Connections        = metric(Gauge, "chat_connections", "Open WebSocket connections.")
	ConnectionsMax     = metric(Gauge, "chat_connections_max", "Most WebSocket connections that this node takes (max_connections); 0 is no bound.")
	ConnectionsRefused = metric(Counter, "chat_connections_refused_total", "WebSocket connections that found no place, by limit: node (max_connections), user, address.", "limit")
	Sessions           = metric(Gauge, "chat_sessions", "Open WebSocket connections of people who are signed in.")
	SessionsClosed     = metric(Counter, "chat_sessions_closed_total", "WebSocket connections that ended, by code: the code that they were closed with, lost (they broke off), other (a code that only the client knows). 4413 is one that read too slowly.", "code")
	FramesBroken       = metric(Counter, "chat_frames_broken_total", "Frames that could not be understood, by what was wrong: command (no command that there is), protocol (WebSocket itself; it ends the connection).", "what")
	OutboxBytes        = metric(Gauge, "chat_outbox_bytes", "Bytes that wait to be written to sessions, of all together.")
	OutboxesHalf       = metric(Gauge, "chat_outboxes_half_full", "Sessions whose outbox is at least half full. A full one ends its session with 4413.")

	Requests       = metric(Counter, "chat_http_requests_total", "HTTP requests answered, by method (read, write) and status (2xx, 3xx, 4xx, 5xx, canceled: the client had gone before).", "method", "status")
	RequestLatency = histogram("chat_http_request_seconds", "How long HTTP requests took, by method: read, write.", latencies, "method")

	Limited       = metric(Counter, "chat_limited_total", "Requests and frames refused by a rate limit, by its rule.", "rule")
	Logins        = metric(Counter, "chat_logins_total", "Attempts to sign in with a password, by result: in, refused (unknown name or wrong password), crowded (too many at once), failed.", "result")
	Registrations = metric(Counter, "chat_registrations_total", "Attempts to make an account, by result: made, refused, failed.", "result")
	Refreshes     = metric(Counter, "chat_refreshes_total", "Refresh tokens that were handed in, by result: fresh, graced (spent within the last 30 s), reused (spent before that: its login was ended), refused, failed.", "result")

	OverloadLevel = metric(Gauge, "chat_overload_level", "What this node leaves out because it has too much to do: 0 nothing, 1 typing, 2 presence as well, 3 acks and counts of readers, 4 reads of history and lists.")
	Shed          = metric(Counter, "chat_shed_total", "Times that work was left out because the node had too much to do, by what: typing (dropped), presence and receipts (done later), reads and sends (refused, to be asked again).", "what")

	ReadsGathered   = metric(Counter, "chat_reads_gathered_total", "Reads of large conversations.")
	ReadsHanded     = metric(Counter, "chat_reads_handed_total", "How often such reads were handed on, together; the first divided by this is how many cost as much as one.")
	ReceiptsFlushed = metric(Counter, "chat_receipts_flushed_total", "Steps of reading that left the queue or went back to its end, by result: written, again (it could not be written and is tried again), buried (it could not in five tries).", "result")
	ReceiptsWaiting = metric(Gauge, "chat_receipts_waiting", "Steps of reading that waited to be written after the last flush, of all nodes that share the queue.")
	FlushSeconds    = histogram("chat_receipts_flush_seconds", "How long a flush of steps of reading took, of those that had something to do.", flushTimes)
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
	BusLag        = histogram("chat_bus_lag_seconds", "From the commit of a batch on another node to this node's hearing of it, by one clock, the database's. One that comes on both paths counts twice.", latencies)
	BusMisheard   = metric(Counter, "chat_bus_misheard_total", "Envelopes that could not be read, or said what the store does not hold.")
	RedisUp       = metric(Gauge, "chat_redis_up", "1 while this node reaches the others over Redis, else 0. Only with Redis.")
	RedisEvicts   = metric(Gauge, "chat_redis_evicts", "1 while Redis may throw away what it has no room for (its maxmemory-policy is not noeviction): then what people read may be lost. Only with Redis.")
	Nodes         = metric(Gauge, "chat_nodes", "Nodes that serve this database, this one among them.")

	FollowedTopics    = metric(Gauge, "chat_followed_topics", "Topics of the bus that this node follows.")
	Comparisons       = metric(Counter, "chat_comparisons_total", "Conversations compared with the store.")
	ComparisonsBehind = metric(Counter, "chat_comparisons_behind_total", "Conversations of which something had not been heard, of those compared.")
	GapsRepaired      = metric(Counter, "chat_gaps_repaired_total", "Times that a conversation's missing changes were read from the store.")

	LimitsCounted = metric(Counter, "chat_limits_counted_total", "Uses counted against rate limits: shared by all nodes, or local to this one while Redis does not answer. Only with Redis.", "counted")

	LogSampled = metric(Counter, "chat_log_sampled_total", "Entries of the log that were left out because too many of the same event came in a second (log_sample).")
	LogDropped = metric(Counter, "chat_log_dropped_total", "Entries of the log that were dropped because where they go, a pipe or a disk, was too slow, full or gone.")
	SpansLost  = metric(Counter, "chat_spans_lost_total", "Spans that the collector did not take, or that found no room while they waited for it. Only with otlp_endpoint; else 0.")

	BreakerState  = metric(Gauge, "chat_breaker_state", "1 for the state in which the breaker before a part is, 0 for the others: closed (the part answers), half_open (a probe is under way), open (it does not answer and is left alone). Parts are database, redis_limits, redis_receipts, redis_presence; only on PostgreSQL, and with Redis.", "part", "state")
	BreakerOpened = metric(Counter, "chat_breaker_opened_total", "Times that a part was found not to answer and was left alone, by part as above.", "part")

	DatabaseUp          = metric(Gauge, "chat_database_up", "1 while the database answers, else 0.")
	DatabaseConnections = metric(Gauge, "chat_database_connections", "Connections of the database pool, by state: used, idle. Of SQLite those that read.", "state")
	DatabaseMax         = metric(Gauge, "chat_database_connections_max", "Largest number of connections that the pool may have.")
	DatabaseWaits       = metric(Counter, "chat_database_waits_total", "How often a connection had to be waited for, because none was free.")
	DatabaseWaited      = metric(Counter, "chat_database_wait_seconds_total", "Seconds spent waiting for a free connection.")
	StorageFree         = metric(Gauge, "chat_storage_free_bytes", "Bytes that are free on the disk of the database. Only with SQLite, and where storage_path names a folder.")
	ReadOnly            = metric(Gauge, "chat_read_only", "1 while this node only reads because that disk is nearly full, else 0. Only with the former.")
	ReplicaReads        = metric(Counter, "chat_replica_reads_total", "Reads of history that a replica may answer, by result: served by it; by the primary because there it was behind, because it failed, or passed over because it had failed a moment ago.", "result")
)

// all has every metric in the order of the list above.
var all []*Metric

// All lists the metrics.
func All() []*Metric { return all }

func histogram(name, help string, buckets []float64, labels ...string) *Metric {
	m := metric(Histogram, name, help, labels...)
	m.Buckets = buckets
	return m
}

func metric(kind, name, help string, labels ...string) *Metric {
	m := &Metric{Name: name, Kind: kind, Labels: labels, Help: help, desc: prometheus.NewDesc(name, help, labels, nil)}
	all = append(all, m)
	return m
}
