// Package config holds every setting of Parley: one struct, its defaults in one function, and one way
// in. A value comes from a flag, else from the environment, else from the file, else it is the default
// (C8.7). Names follow from the struct: the key limits.login_address is PARLEY_LIMITS_LOGIN_ADDRESS in
// the environment, --limits-login-address on the command line and login_address under [limits] in the
// file. A name that does not exist is an error that says which one is near.
//
// Secrets never stand on the command line, where every process of the machine can read them: their
// flag, and one more environment name, ends in "file" and names a file that holds the secret.
package config

import (
	"time"

	"github.com/parley-chat/parley/internal/limit"
)

// Config is every setting. The tags say: koanf, the key; doc, what it does, for people; secret, that it
// is never printed and may stand in a file of its own; plain, an environment name without PARLEY_; emptied,
// that an environment name set to nothing means nothing instead of the default.
type Config struct {
	Data              string `koanf:"data" doc:"Folder for the SQLite database, the signing key and the lock. Made when missing."`
	Host              string `koanf:"host" doc:"Address to listen on. Empty: every address of this machine, or only 127.0.0.1 with demo."`
	Port              int    `koanf:"port" plain:"PORT" doc:"TCP port for the web client, REST and /ws, 0 to 65535. 0 takes a free one."`
	PublicURL         string `koanf:"public_url" doc:"Where people open this server, such as https://chat.example.com. Empty: http://localhost and the port."`
	DatabaseURL       Secret `koanf:"database_url" plain:"DATABASE_URL" secret:"true" doc:"PostgreSQL, as postgres://user:password@host:5432/name. Empty: SQLite in the data folder."`
	ReplicaURL        Secret `koanf:"database_replica_url" plain:"DATABASE_REPLICA_URL" secret:"true" doc:"A hot standby of that PostgreSQL, in the same form. It reads history where it is as new as the primary. Empty: none."`
	DatabaseConns     int    `koanf:"database_connections" doc:"Largest number of database connections, 0 to 1000. 0: min(20, max(5, 2 × cores + 1))."`
	DatabaseDirectURL Secret `koanf:"database_direct_url" secret:"true" doc:"The same PostgreSQL without a pooler in between, when database_url leads through one in transaction mode: notifications between nodes need a session. Empty: database_url."`
	StoragePath       string `koanf:"storage_path" doc:"Folder on the disk of the database: with less than storage_reserve free there the node only reads. Empty: the data folder with SQLite; with PostgreSQL nobody looks, since it may be anywhere."`
	StorageReserve    int    `koanf:"storage_reserve" doc:"Free space in MiB below which nothing is written, until there is twice as much, 0 to 1048576. At most half of the disk. 0: 5 % of it, 256 at most."`
	RedisURL          Secret `koanf:"redis_url" plain:"REDIS_URL" secret:"true" doc:"Redis, as redis://user:password@host:6379 (rediss:// with TLS), which makes nodes that share a PostgreSQL quick. Empty: they reach each other over PostgreSQL."`
	RedisRequired     Switch `koanf:"redis_required" doc:"Answer 503 at /health/ready while Redis is away. Off: the node is ready and says that it is degraded."`
	NodeID            string `koanf:"node_id" doc:"This node's name among the nodes, such as ws-server-1: up to 64 letters, digits, _ . or -. No two nodes may have the same. Empty: one is made at every start."`
	SigningKey        Secret `koanf:"signing_key" secret:"true" doc:"Key that signs tokens, 32 bytes or more, the same on every node. Empty: one is made and kept in the data folder."`
	PreviousKey       Secret `koanf:"previous_signing_key" secret:"true" doc:"Another key whose tokens are taken too: the one before, so that a new key signs nobody out, or the next one, while nodes change theirs one after the other. Empty: none."`

	Registration   string   `koanf:"registration" doc:"Who may make an account: open (everyone) or closed (nobody; the operator does it with parley user create)."`
	AllowedOrigins []string `koanf:"allowed_origins" doc:"Web origins that may open /ws, separated by commas, such as https://chat.example.com. Empty: the server's own host."`
	TrustedProxies []string `koanf:"trusted_proxies" doc:"Addresses or networks of reverse proxies whose X-Forwarded-For is believed, separated by commas. Empty: none."`
	MaxConnections int      `koanf:"max_connections" doc:"Most WebSocket connections of this node at once, 0 to 1000000. 0: as many as it may have file descriptors, less a reserve of an eighth."`
	MaxUser        int      `koanf:"max_connections_user" doc:"Most of them of one person, 1 to 1000000."`
	MaxAddress     int      `koanf:"max_connections_address" doc:"Most of them from one client address (IPv6 by /64), 1 to 1000000."`
	Compression    Switch   `koanf:"compression" doc:"Offer permessage-deflate on /ws: fewer bytes for more memory and processor time."`
	MaxGroup       int      `koanf:"max_group" doc:"Most people in a group, its owner included, 2 to 100000."`
	ReadThreshold  int      `koanf:"read_threshold" doc:"Size from which the readers of a conversation are told as a count and not one by one, 2 to 100000. The same on every node."`

	LogLevel      string `koanf:"log_level" doc:"What is logged: debug, info, warn or error, and what is graver."`
	LogFormat     string `koanf:"log_format" doc:"json, text (for people) or auto (text on a terminal, json elsewhere)."`
	LogSample     int    `koanf:"log_sample" doc:"Most entries a second of one event, five times as many of warnings and errors, 0 to 1000000. How many are left out is said once a second. 0: everything is logged."`
	OTLPEndpoint  string `koanf:"otlp_endpoint" doc:"Where spans of OpenTelemetry are sent over HTTP, such as http://localhost:4318/v1/traces. Empty: nowhere."`
	OTLPSample    int    `koanf:"otlp_sample" doc:"Of how many in a hundred requests and sends spans are sent, 0 to 100, whatever a caller's traceparent says."`
	MetricsListen string `koanf:"metrics_listen" emptied:"true" doc:"Address and port of /metrics for Prometheus, and of /status and profiles, for the operator alone. Empty switches it off. When the default is in use by another program there is a warning and no metrics."`
	Demo          Switch `koanf:"demo" doc:"Put known people with known passwords, conversations and an echo bot into the data. Never for real use."`

	RateLimits Switch `koanf:"rate_limits" doc:"Apply the limits below, and those on connections by person and by address. Off is for load tests: the start and /health/ready warn."`
	// Limits stand last: a table of the file ends where the next one begins.
	Limits Limits `koanf:"limits"`
}

// Limits says how often things may be done (seed DOC-003, C5.9), as uses/window: "30/1m" allows a burst
// of 30 and then one every 2 seconds.
type Limits struct {
	Login          Rate `koanf:"login" doc:"Tries to sign in, by account."`
	LoginAddress   Rate `koanf:"login_address" doc:"Tries to sign in, by client address (IPv6 by /64)."`
	Register       Rate `koanf:"register" doc:"New accounts, by client address."`
	Send           Rate `koanf:"send" doc:"Messages, by user, WebSocket and REST together."`
	History        Rate `koanf:"history" doc:"Pages of history over REST, by user."`
	Connect        Rate `koanf:"connect" doc:"WebSocket connections, by user."`
	ConnectAddress Rate `koanf:"connect_address" doc:"WebSocket connections before anybody is known, by client address."`
	Search         Rate `koanf:"search" doc:"Searches for people, by user."`
	Receipts       Rate `koanf:"receipts" doc:"Positions of reading and acknowledged deliveries, by user."`
	Change         Rate `koanf:"change" doc:"Every other change, by user."`
	Frames         Rate `koanf:"frames" doc:"Frames that a client sends, by connection."`
}

// Rate is a limit: Uses in each Window.
type Rate struct {
	Uses   int
	Window time.Duration
}

// Defaults is what holds where nothing is set.
func Defaults() Config {
	rules := limit.Defaults()
	rate := func(r limit.Rule) Rate { return Rate{r.Limit, r.Window} }
	return Config{
		Data:          "./data",
		Port:          3000,
		Registration:  "open",
		MaxUser:       50,
		MaxAddress:    2000,
		MaxGroup:      1000,
		ReadThreshold: 10,
		RateLimits:    true,
		Limits: Limits{
			Login: rate(rules.Login), LoginAddress: rate(rules.LoginAddress), Register: rate(rules.Register),
			Send: rate(rules.Send), History: rate(rules.History), Connect: rate(rules.Connect),
			ConnectAddress: rate(rules.ConnectAddress), Search: rate(rules.Search),
			Receipts: rate(rules.Receipts), Change: rate(rules.ChangeAnything), Frames: rate(rules.FramesOnASocket),
		},
		LogLevel:      "info",
		LogSample:     100,
		OTLPSample:    1,
		LogFormat:     "auto",
		MetricsListen: "127.0.0.1:9090",
	}
}

// Rules gives the limits the names that answers and logs know them by.
func (l Limits) Rules() limit.Rules {
	rules := limit.Defaults()
	set := func(rule *limit.Rule, r Rate) { rule.Limit, rule.Window = r.Uses, r.Window }
	set(&rules.Login, l.Login)
	set(&rules.LoginAddress, l.LoginAddress)
	set(&rules.Register, l.Register)
	set(&rules.Send, l.Send)
	set(&rules.History, l.History)
	set(&rules.Connect, l.Connect)
	set(&rules.ConnectAddress, l.ConnectAddress)
	set(&rules.Search, l.Search)
	set(&rules.Receipts, l.Receipts)
	set(&rules.ChangeAnything, l.Change)
	set(&rules.FramesOnASocket, l.Frames)
	return rules
}
