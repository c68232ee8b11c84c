package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/limit"
)

func flags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	set := pflag.NewFlagSet("parley", pflag.ContinueOnError)
	config.AddFlags(set)
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return set
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFlagIsStrongerThanTheEnvironmentThanTheFileThanTheDefault(t *testing.T) {
	file := write(t, "parley.toml", "port = 4001\nmax_group = 50\nrate_limits = false\n[limits]\nsend = \"7/1m\"\n")
	for name, row := range map[string]struct {
		env        []string
		args       []string
		port       int
		portOrigin string
	}{
		"nothing is set":                   {nil, nil, 3000, "default"},
		"the file":                         {[]string{"PARLEY_CONFIG=" + file}, nil, 4001, "file " + file},
		"the file by flag":                 {[]string{"PARLEY_CONFIG=/nowhere"}, []string{"--config", file}, 4001, "file " + file},
		"the plain name over the file":     {[]string{"PARLEY_CONFIG=" + file, "PORT=4002"}, nil, 4002, "environment PORT"},
		"the prefixed name over the plain": {[]string{"PORT=4002", "PARLEY_PORT=4003"}, nil, 4003, "environment PARLEY_PORT"},
		"the flag over all":                {[]string{"PARLEY_CONFIG=" + file, "PORT=4002"}, []string{"--port=4004"}, 4004, "flag --port"},
		"an empty name is not set":         {[]string{"PORT="}, nil, 3000, "default"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := config.Load(flags(t, row.args...), row.env)
			if err != nil {
				t.Fatal(err)
			}
			if c.Port != row.port || c.Origin("port") != row.portOrigin {
				t.Errorf("port %d from %q, want %d from %q", c.Port, c.Origin("port"), row.port, row.portOrigin)
			}
		})
	}
	c, err := config.Load(nil, []string{"PARLEY_CONFIG=" + file})
	if err != nil {
		t.Fatal(err)
	}
	if c.MaxGroup != 50 || bool(c.RateLimits) || c.Limits.Send != (config.Rate{Uses: 7, Window: time.Minute}) {
		t.Errorf("the file was not read whole: %+v", c.Config)
	}
}

func TestEverySettingCanBeSetInEveryWay(t *testing.T) {
	values := map[string]string{
		"data": "/elsewhere", "host": "::1", "port": "0", "public_url": "https://chat.example.com",
		"database_url": "postgres://u:p@db/parley", "database_replica_url": "postgres://u:p@standby/parley", "database_connections": "7",
		"signing_key": strings.Repeat("k", 32), "previous_signing_key": strings.Repeat("p", 32), "registration": "closed", "allowed_origins": "https://a.example, http://b.example:8080",
		"trusted_proxies": "10.0.0.0/8,::1", "compression": "on", "max_group": "12", "storage_path": "/var/lib/postgresql", "storage_reserve": "100", "max_connections": "500", "max_connections_user": "5", "max_connections_address": "60", "read_threshold": "20", "log_level": "debug", "log_sample": "7", "otlp_endpoint": "http://localhost:4318/v1/traces", "otlp_sample": "5",
		"log_format": "json", "demo": "on", "rate_limits": "off", "redis_url": "rediss://u:p@redis:6380/1", "redis_required": "on", "database_direct_url": "postgres://u:p@db:5433/parley",
		"node_id": "ws-server-1", "metrics_listen": "[::1]:0",
	}
	// What can only be set together with another.
	beside := map[string][]string{
		"database_replica_url": {"DATABASE_URL=postgres://u:p@db/parley"},
		"database_direct_url":  {"DATABASE_URL=postgres://u:p@pooler/parley"},
		"redis_url":            {"DATABASE_URL=postgres://u:p@db/parley"},
		"redis_required":       {"DATABASE_URL=postgres://u:p@db/parley", "REDIS_URL=redis://redis"},
	}
	for _, s := range config.Settings() {
		value, ok := values[s.Key]
		switch {
		case strings.HasPrefix(s.Key, "limits."):
			value = "3/2h"
		case !ok:
			t.Fatalf("no value to try for %s", s.Key)
		}
		t.Run(s.Key, func(t *testing.T) {
			load := func(set *pflag.FlagSet, env ...string) *config.Loaded {
				t.Helper()
				return load(t, set, append(env, beside[s.Key]...)...)
			}
			byEnv := load(nil, s.Env+"="+value)
			flag := "--" + s.Flag + "=" + value
			file := "'" + value + "'"
			if s.Secret {
				flag = "--" + s.Flag + "=" + write(t, "secret", value+"\n")
			}
			byFlag := load(flags(t, flag))
			toml := s.Key + " = " + file
			if group, name, nested := strings.Cut(s.Key, "."); nested {
				toml = "[" + group + "]\n" + name + " = " + file
			}
			byFile := load(nil, "PARLEY_CONFIG="+write(t, "parley.toml", toml))
			if reflect.DeepEqual(byEnv.Config, config.Defaults()) {
				t.Errorf("%s=%s changed nothing", s.Env, value)
			}
			if d := cmp.Diff(byEnv.Config, byFlag.Config); d != "" {
				t.Errorf("the flag sets something else than the environment: %s", d)
			}
			if d := cmp.Diff(byEnv.Config, byFile.Config); d != "" {
				t.Errorf("the file sets something else than the environment: %s", d)
			}
			if !s.Secret {
				return
			}
			for _, name := range []string{s.Env, s.Plain} {
				if name == "" {
					continue
				}
				bySecret := load(nil, name+"_FILE="+write(t, "secret", value))
				if d := cmp.Diff(byEnv.Config, bySecret.Config); d != "" {
					t.Errorf("%s_FILE sets something else than %s: %s", name, name, d)
				}
			}
		})
	}
}

func load(t *testing.T, set *pflag.FlagSet, env ...string) *config.Loaded {
	t.Helper()
	c, err := config.Load(set, env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestANameThatDoesNotExistIsAnErrorThatNamesTheNearest(t *testing.T) {
	for name, row := range map[string]struct{ env, want string }{
		"environment":           {"PARLEY_PROT=1", "PARLEY_PROT in the environment is not a setting; did you mean PARLEY_PORT?"},
		"a misspelt secret":     {"PARLEY_SIGNIN_KEY=x", "did you mean PARLEY_SIGNING_KEY?"},
		"a misspelt file":       {"PARLEY_SIGNING_KEY_FIEL=x", "did you mean PARLEY_SIGNING_KEY_FILE?"},
		"nothing near":          {"PARLEY_BLUNDERBUSS=1", "parley config lists them all"},
		"file":                  {"PARLEY_CONFIG=" + write(t, "a.toml", "max_grop = 3"), "did you mean max_group?"},
		"table of the file":     {"PARLEY_CONFIG=" + write(t, "b.toml", "[limits]\nsned = '3/1m'"), "did you mean limits.send?"},
		"a file no setting has": {"PARLEY_PORT_FILE=/x", "PARLEY_PORT_FILE in the environment is not a setting"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(nil, []string{row.env})
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
		})
	}
	if _, err := config.Load(nil, []string{"PATH=/bin", "HOME=/", "SOMEPARLEY_X=1"}); err != nil {
		t.Errorf("names that are not ours are no business of ours: %v", err)
	}
}

func TestAllProblemsComeAtOnceAndSayWhereTheyAre(t *testing.T) {
	_, err := config.Load(flags(t, "--port=70000"), []string{
		"PARLEY_REGISTRATION=sometimes", "PARLEY_MAX_GROUP=many", "PARLEY_LIMITS_SEND=30", "PARLEY_RATE_LIMITS=perhaps",
		"PARLEY_TRUSTED_PROXIES=10.0.0.0/8,proxy", "PARLEY_ALLOWED_ORIGINS=*", "REDIS_URL=http://user:hunter2@r", "PARLEY_NODE_ID=ws server 1", "PARLEY_METRICS_LISTEN=9090",
		"DATABASE_URL=mysql://user:hunter2@db/x", "PARLEY_SIGNING_KEY=hunter2", "PARLEY_LIMITS_LOGIN=0/1m", "PARLEY_UNKNOWN_=1", "PARLEY_READ_THRESHOLD=1",
	})
	if err == nil {
		t.Fatal("it was accepted")
	}
	for _, want := range []string{
		"PARLEY_PORT must be 0 to 65535 (from: flag --port)",
		"PARLEY_REGISTRATION must be one of: open, closed (from: environment PARLEY_REGISTRATION)",
		"PARLEY_MAX_GROUP must be a whole number", "PARLEY_LIMITS_SEND must be uses/window, such as 30/1m",
		"PARLEY_RATE_LIMITS must be on or off", "PARLEY_TRUSTED_PROXIES must be", "PARLEY_ALLOWED_ORIGINS must be",
		"PARLEY_REDIS_URL must be like", "PARLEY_NODE_ID must be 1 to 64", "PARLEY_METRICS_LISTEN must be like", "PARLEY_DATABASE_URL must be like", "in the password written as %40", "(from: environment DATABASE_URL)",
		"has 7 bytes and must have 32 or more", "PARLEY_LIMITS_LOGIN must allow", "PARLEY_UNKNOWN_ in the environment", "PARLEY_READ_THRESHOLD must be 2 to 100000",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	if n := strings.Count(err.Error(), "\n  - "); n != 15 {
		t.Errorf("%d problems, want 15, each once", n)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("a secret stands in the error")
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestRedisIsForNodesThatShareADatabase(t *testing.T) {
	for name, row := range map[string]struct {
		env  []string
		want string
	}{
		"Redis beside SQLite":                {[]string{"REDIS_URL=redis://r:hunter2@r"}, "DATABASE_URL is not set"},
		"Redis is asked for and not named":   {[]string{"DATABASE_URL=postgres://db/p", "PARLEY_REDIS_REQUIRED=on"}, "REDIS_URL is not set"},
		"Redis of another kind":              {[]string{"DATABASE_URL=postgres://db/p", "REDIS_URL=redis:6379"}, "must be like redis://"},
		"Redis without a host":               {[]string{"DATABASE_URL=postgres://db/p", "REDIS_URL=redis://:6379"}, "must be like redis://"},
		"a socket":                           {[]string{"DATABASE_URL=postgres://db/p", "REDIS_URL=unix:///run/redis.sock"}, ""},
		"a replica of SQLite":                {[]string{"DATABASE_REPLICA_URL=postgres://r:hunter2@db/p"}, "DATABASE_URL no primary"},
		"a direct way beside SQLite":         {[]string{"PARLEY_DATABASE_DIRECT_URL=postgres://r:hunter2@db/p"}, "goes with DATABASE_URL"},
		"a Redis that goes with PostgreSQL":  {[]string{"DATABASE_URL=postgres://db/p", "REDIS_URL=redis://r"}, ""},
		"a Redis with TLS and a password":    {[]string{"DATABASE_URL=postgres://db/p", "REDIS_URL=rediss://:hunter2@r:6380/0"}, ""},
		"a Redis that may be away otherwise": {[]string{"DATABASE_URL=postgres://db/p", "REDIS_URL=redis://r", "PARLEY_REDIS_REQUIRED=on"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(nil, row.env)
			switch {
			case row.want == "" && err != nil:
				t.Error(err)
			case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
				t.Errorf("got %v, want an error with %q", err, row.want)
			case err != nil && strings.Contains(err.Error(), "hunter2"):
				t.Error("a secret stands in the error")
			}
		})
	}
}

func TestTheMetricsAreSwitchedOffByAnEmptyAddress(t *testing.T) {
	for name, c := range map[string]*config.Loaded{
		"environment": load(t, nil, "PARLEY_METRICS_LISTEN="), "flag": load(t, flags(t, "--metrics-listen=")),
		"file": load(t, nil, "PARLEY_CONFIG="+write(t, "parley.toml", `metrics_listen = ""`)),
	} {
		if c.MetricsListen != "" {
			t.Errorf("set to nothing by %s they are at %s", name, c.MetricsListen)
		}
	}
}

func TestASecretFileThatCannotBeUsedIsNamed(t *testing.T) {
	for path, want := range map[string]string{
		"/nowhere/key":           "environment PARLEY_SIGNING_KEY_FILE: the file cannot be read",
		write(t, "empty", "\n"):  "is empty",
		write(t, "short", "abc"): "has 3 bytes",
	} {
		_, err := config.Load(nil, []string{"PARLEY_SIGNING_KEY_FILE=" + path})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestABrokenFileSaysWhereItIsBrokenAndQuotesNothing(t *testing.T) {
	path := write(t, "broken.toml", "signing_key = \"hunter2\nport = ")
	_, err := config.Load(nil, []string{"PARLEY_CONFIG=" + path})
	if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsPrintedCanBeLoadedAgainAndHoldsNoSecret(t *testing.T) {
	c := load(t, flags(t, "--demo"), "PARLEY_SIGNING_KEY="+strings.Repeat("s", 40), "DATABASE_URL=postgres://u:hunter2@db/x?password=hunter3",
		"PARLEY_ALLOWED_ORIGINS=https://a.example,https://b.example", "PARLEY_LIMITS_SEND=90/90s")
	var out strings.Builder
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"ssss", "hunter2", "hunter3"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is printed", secret)
		}
	}
	for _, want := range []string{
		"demo = true", "# PARLEY_DEMO, --demo. From: flag --demo.", `# signing_key = "(set)"`, `# database_url = "postgres://u:xxxxx@db/x"`,
		"From: environment DATABASE_URL.", `send = "90/1m30s"`, "[limits]",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	again := load(t, nil, "PARLEY_CONFIG="+write(t, "printed.toml", out.String()))
	again.SigningKey, again.DatabaseURL = c.SigningKey, c.DatabaseURL
	if d := cmp.Diff(c.Config, again.Config); d != "" {
		t.Errorf("what was printed loads differently: %s", d)
	}
}

func TestTheDefaultLimitsAreTheSeeds(t *testing.T) {
	if d := cmp.Diff(limit.Defaults(), config.Defaults().Limits.Rules()); d != "" {
		t.Error(d)
	}
}

func TestAnOriginIsWrittenAsBrowsersSendIt(t *testing.T) {
	for origin, ok := range map[string]bool{
		"https://chat.example.com": true, "http://localhost:5173": true, "https://[::1]:8443": true,
		"https://chat.example.com/": false, "chat.example.com": false, "https://": false, "ftp://a": false,
		"https://u:p@a": false, "https://a?x": false, "https://*.example.com": false, "null": false,
	} {
		if _, err := config.Load(nil, []string{"PARLEY_ALLOWED_ORIGINS=" + origin}); (err == nil) != ok {
			t.Errorf("%s: %v", origin, err)
		}
	}
	if c := load(t, nil, "PARLEY_PUBLIC_URL=https://chat.example.com/"); c.PublicURL == "" {
		t.Error("a slash at the end of the public URL does no harm")
	}
}

func TestADefaultConfigurationIsValid(t *testing.T) {
	defaults := config.Defaults()
	if problems := defaults.Validate(); len(problems) > 0 {
		t.Error(problems)
	}
}
