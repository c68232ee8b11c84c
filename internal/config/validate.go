package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// minSigningKey is the shortest key in bytes: as long as the hash that HS256 is made of (RFC 7518 §3.2).
const minSigningKey = 32

// databaseURLShape is what a PostgreSQL URL is told to be that is none: most often a password that reads as part of the host.
const databaseURLShape = "must be like postgres://user:password@host:5432/name, with characters such as @ / # ? in the password written as %%40 %%2F %%23 %%3F"

// Problem is one thing wrong with the settings. It never holds a secret.
type Problem struct {
	Key  string // "" when the name itself is wrong
	Text string
}

// Problems is everything wrong with the settings, so that one start shows all of it.
type Problems []Problem

func (p Problems) Error() string {
	var b strings.Builder
	b.WriteString("the settings cannot be used:")
	for _, problem := range p {
		b.WriteString("\n  - " + problem.Text)
	}
	return b.String()
}

// Validate reports every value that cannot be used.
func (c *Config) Validate() Problems {
	v := validation{}
	v.check("data", c.Data != "", "must name a folder")
	v.check("host", validHost(c.Host), "must be an address or a host name without a port")
	v.check("port", c.Port >= 0 && c.Port <= 65535, "must be 0 to 65535")
	v.check("public_url", c.PublicURL == "" || validOrigin(strings.TrimRight(c.PublicURL, "/")), "must be like https://chat.example.com, without a path")
	v.check("database_url", c.DatabaseURL == "" || validDatabaseURL(string(c.DatabaseURL)), databaseURLShape)
	v.check("database_replica_url", c.ReplicaURL == "" || validDatabaseURL(string(c.ReplicaURL)), databaseURLShape)
	v.check("database_connections", c.DatabaseConns >= 0 && c.DatabaseConns <= 1000, "must be 0 to 1000")
	v.check("database_replica_url", c.ReplicaURL == "" || c.DatabaseURL != "", "names a standby, and DATABASE_URL no primary: set that too")
	v.check("database_direct_url", c.DatabaseDirectURL == "" || validDatabaseURL(string(c.DatabaseDirectURL)), databaseURLShape)
	v.check("database_direct_url", c.DatabaseDirectURL == "" || c.DatabaseURL != "", "goes with DATABASE_URL, which is not set")
	v.check("storage_reserve", c.StorageReserve >= 0 && c.StorageReserve <= 1<<20, "must be 0 to 1048576")
	v.check("redis_url", c.RedisURL == "" || validRedisURL(string(c.RedisURL)), "must be like redis://user:password@host:6379, with characters such as @ / # ? in the password written as %%40 %%2F %%23 %%3F")
	v.check("redis_url", c.RedisURL == "" || c.DatabaseURL != "", "joins nodes that share a PostgreSQL, and DATABASE_URL is not set: set that too, or take Redis away and run one node")
	v.check("redis_required", !bool(c.RedisRequired) || c.RedisURL != "", "asks for a Redis, and REDIS_URL is not set")
	v.check("node_id", c.NodeID == "" || nodeID.MatchString(c.NodeID), "must be 1 to 64 letters, digits, _ . or -, such as ws-server-1")
	v.check("metrics_listen", c.MetricsListen == "" || validListen(c.MetricsListen), "must be like 127.0.0.1:9090, or empty for none")
	v.key("signing_key", c.SigningKey)
	v.key("previous_signing_key", c.PreviousKey)
	v.oneOf("registration", c.Registration, "open", "closed")
	for _, origin := range c.AllowedOrigins {
		v.check("allowed_origins", validOrigin(origin), "must be a list of origins like https://chat.example.com, without a path or a slash at the end")
	}
	for _, network := range c.TrustedProxies {
		v.check("trusted_proxies", validNetwork(network), "must be a list of addresses or networks, such as 10.0.0.0/8")
	}
	v.check("max_connections", c.MaxConnections >= 0 && c.MaxConnections <= 1_000_000, "must be 0 to 1000000")
	v.check("max_connections_user", c.MaxUser >= 1 && c.MaxUser <= 1_000_000, "must be 1 to 1000000")
	v.check("max_connections_address", c.MaxAddress >= 1 && c.MaxAddress <= 1_000_000, "must be 1 to 1000000")
	v.check("max_group", c.MaxGroup >= 2 && c.MaxGroup <= 100_000, "must be 2 to 100000")
	v.check("read_threshold", c.ReadThreshold >= 2 && c.ReadThreshold <= 100_000, "must be 2 to 100000")
	v.oneOf("log_level", c.LogLevel, "debug", "info", "warn", "error")
	v.check("log_sample", c.LogSample >= 0 && c.LogSample <= 1_000_000, "must be 0 to 1000000")
	v.check("otlp_sample", c.OTLPSample >= 0 && c.OTLPSample <= 100, "must be 0 to 100")
	v.check("otlp_endpoint", c.OTLPEndpoint == "" || validCollector(c.OTLPEndpoint), "must be like http://localhost:4318/v1/traces, without a password")
	v.oneOf("log_format", c.LogFormat, "auto", "json", "text")
	v.rates(c)
	return v.problems
}

type validation struct{ problems Problems }

func (v *validation) check(key string, ok bool, wanted string, args ...any) {
	text := envName(key) + " " + fmt.Sprintf(wanted, args...)
	for _, known := range v.problems {
		ok = ok || known.Text == text
	}
	if !ok {
		v.problems = append(v.problems, Problem{key, text})
	}
}

func (v *validation) key(key string, secret Secret) {
	v.check(key, secret == "" || len(secret) >= minSigningKey,
		"has %d bytes and must have %d or more; openssl rand -base64 48 makes one", len(secret), minSigningKey)
}

func (v *validation) oneOf(key, value string, words ...string) {
	for _, word := range words {
		if value == word {
			return
		}
	}
	v.check(key, false, "must be one of: %s", strings.Join(words, ", "))
}

func (v *validation) rates(c *Config) {
	for _, s := range Settings() {
		if r, ok := reflect.ValueOf(c).Elem().FieldByIndex(s.field).Interface().(Rate); ok {
			v.check(s.Key, r.Uses >= 1 && r.Uses <= 1_000_000 && r.Window >= time.Second && r.Window <= 24*time.Hour,
				"must allow 1 to 1000000 uses in 1s to 24h")
		}
	}
}

func validHost(host string) bool {
	if host == "" || net.ParseIP(host) != nil {
		return true
	}
	return !strings.ContainsAny(host, ":/ \t")
}

var nodeID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// validListen takes an address, which may be empty for all of this machine, and a port.
func validListen(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || !validHost(host) {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && n >= 0 && n <= 65535
}

func validOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		u.Path == "" && u.RawQuery == "" && u.Fragment == "" && !strings.Contains(u.Host, "*")
}

func validNetwork(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	_, err := netip.ParsePrefix(text)
	return err == nil
}

func validDatabaseURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql")
}

// validRedisURL goes by what can be seen without the library: a wrong option is told by it.
func validRedisURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && ((u.Scheme == "redis" || u.Scheme == "rediss") && u.Hostname() != "" || u.Scheme == "unix" && u.Path != "")
}

func validCollector(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == ""
}
