// Package deploy_test holds the files for operators against the program and against each other.
package deploy_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/pgtest"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// compose is what the tests look at in compose.yaml.
type compose struct {
	Services map[string]struct {
		Image       string
		Ports       []string
		Environment map[string]string
		Secrets     []string
		Volumes     []string
	}
	Secrets map[string]struct{ File string }
	Volumes map[string]any
}

func readCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	if err := yaml.Unmarshal([]byte(read(t, "compose/compose.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// knownSettings fails when the program would refuse an environment. Files of secrets are put in place first.
func knownSettings(t *testing.T, environment map[string]string) *config.Loaded {
	t.Helper()
	secrets := map[string]string{
		"database_url": "postgres://parley:x@postgres:5432/parley", "redis_url": "redis://:x@redis:6379",
		"signing_key": strings.Repeat("k", 64),
	}
	var env []string
	for name, value := range environment {
		if strings.HasSuffix(name, "_FILE") {
			content, known := secrets[filepath.Base(value)]
			if !known {
				t.Errorf("%s names %s, which nobody makes", name, value)
			}
			value = filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(value, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if strings.HasPrefix(value, "${") { // compose's form of a default
			_, value, _ = strings.Cut(strings.Trim(value, "${}"), ":-")
		}
		env = append(env, name+"="+value)
	}
	loaded, err := config.Load(nil, env)
	if err != nil {
		t.Fatalf("the program refuses these settings: %v", err)
	}
	return loaded
}

func TestComposeNamesSettingsAndSecretsThatExist(t *testing.T) {
	c := readCompose(t)
	made := makeSecrets(t)
	ids := map[string]bool{}
	for name, s := range c.Services {
		for _, secret := range s.Secrets {
			if _, declared := c.Secrets[secret]; !declared {
				t.Errorf("%s wants the secret %s, which is not declared", name, secret)
			}
		}
		if len(s.Ports) > 0 && name != "nginx" && name != "prometheus" {
			t.Errorf("%s publishes %v: a second replica could not", name, s.Ports)
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, named := c.Volumes[from]; !named {
				if _, err := os.Stat(filepath.Join("compose", from)); err != nil {
					t.Errorf("%s mounts %s: %v", name, from, err)
				}
			}
		}
		if s.Image == "parley" {
			loaded := knownSettings(t, s.Environment)
			if loaded.DatabaseURL == "" || loaded.RedisURL == "" || loaded.SigningKey == "" {
				t.Errorf("%s is not a node of a cluster: %+v", name, s.Environment)
			}
			ids[s.Environment["PARLEY_NODE_ID"]] = true
		}
	}
	if len(ids) != 2 {
		t.Errorf("the nodes are named %v", ids)
	}
	for name, s := range c.Secrets {
		if !slices.Contains(made, filepath.Base(s.File)) {
			t.Errorf("secrets.sh does not make %s", name)
		}
	}
}

// makeSecrets runs secrets.sh on a copy, twice, and returns the names of the files it makes.
func makeSecrets(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	script := filepath.Join(dir, "secrets.sh")
	if err := os.WriteFile(script, []byte(read(t, "compose/secrets.sh")), 0o700); err != nil {
		t.Fatal(err)
	}
	contents := func() map[string]string {
		if out, err := exec.Command("bash", script).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		all := map[string]string{}
		entries, err := os.ReadDir(filepath.Join(dir, "secrets"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all[e.Name()] = read(t, filepath.Join(dir, "secrets", e.Name()))
		}
		return all
	}
	first, second := contents(), contents()
	var names []string
	for name, content := range first {
		if content != second[name] {
			t.Errorf("a second run changes %s", name)
		}
		if len(content) < 64 {
			t.Errorf("%s is only %d bytes", name, len(content))
		}
		names = append(names, name)
	}
	if info, err := os.Stat(filepath.Join(dir, "secrets")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others can look into secrets: %v, %v", info, err)
	}
	return names
}

func TestBothFormsOfNginxNameTheServicesOfCompose(t *testing.T) {
	services := readCompose(t).Services
	servers := regexp.MustCompile(`(?m)^\s*server\s+(\w+):3000`)
	for path, method := range map[string]string{"nginx/ip_hash.conf": "ip_hash;", "nginx/least_conn.conf": "least_conn;"} {
		text := read(t, path)
		if !strings.Contains(text, method) {
			t.Errorf("%s has no %s", path, method)
		}
		found := servers.FindAllStringSubmatch(text, -1)
		if len(found) == 0 {
			t.Errorf("%s has no upstream servers", path)
		}
		for _, f := range found {
			if _, is := services[f[1]]; !is {
				t.Errorf("%s names %s, which compose does not start", path, f[1])
			}
		}
	}
}

// probe is one of Kubernetes.
type probe struct {
	HTTPGet struct {
		Path string `yaml:"path"`
		Port int    `yaml:"port"`
	} `yaml:"httpGet"`
	InitialDelaySeconds int `yaml:"initialDelaySeconds"`
	PeriodSeconds       int `yaml:"periodSeconds"`
}

func TestKubernetesHasTheProbesOfThePlanAndKnownSettings(t *testing.T) {
	var d struct {
		Kind string
		Spec struct {
			Template struct {
				Spec struct {
					Grace      int `yaml:"terminationGracePeriodSeconds"`
					Containers []struct {
						Env       []struct{ Name, Value string }
						Liveness  probe `yaml:"livenessProbe"`
						Readiness probe `yaml:"readinessProbe"`
					}
				}
			}
		}
	}
	if err := yaml.NewDecoder(strings.NewReader(read(t, "kubernetes/parley.yaml"))).Decode(&d); err != nil {
		t.Fatal(err)
	}
	pod := d.Spec.Template.Spec
	if d.Kind != "Deployment" || len(pod.Containers) != 1 {
		t.Fatalf("the first document is not the deployment: %+v", d)
	}
	if pod.Grace <= 10 {
		t.Errorf("a drain takes up to 10 s, and Kubernetes waits %d", pod.Grace)
	}
	container := pod.Containers[0]
	want := func(name string, p probe, path string, delay, period int) {
		t.Helper()
		if p.HTTPGet.Path != path || p.HTTPGet.Port != 3000 || p.InitialDelaySeconds != delay || p.PeriodSeconds != period {
			t.Errorf("the %s probe is %+v", name, p)
		}
	}
	want("liveness", container.Liveness, "/health/live", 10, 10)
	want("readiness", container.Readiness, "/health/ready", 5, 5)
	environment := map[string]string{}
	for _, e := range container.Env {
		environment[e.Name] = e.Value
	}
	environment["PARLEY_NODE_ID"] = "parley-7d4b9-x2x7q" // a pod's name
	knownSettings(t, environment)
}

func TestThePostgreSQLFileSetsWhatPostgreSQLKnows(t *testing.T) {
	conn, err := pgx.Connect(t.Context(), pgtest.NewDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	setting := regexp.MustCompile(`(?m)^(\w+) = (.+)$`)
	found := setting.FindAllStringSubmatch(read(t, "postgres/postgresql.conf"), -1)
	if len(found) < 10 {
		t.Fatalf("only %d settings were found", len(found))
	}
	for _, f := range found {
		var known bool
		if err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_settings WHERE name = $1)`, f[1]).Scan(&known); err != nil {
			t.Fatal(err)
		}
		if !known {
			t.Errorf("PostgreSQL does not know %s", f[1])
		}
	}
	for name, must := range map[string]string{"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"} {
		if !slices.ContainsFunc(found, func(f []string) bool { return f[1] == name && f[2] == must }) {
			t.Errorf("%s must be %s: a confirmation promises the disk (C2.1)", name, must)
		}
	}
}

func TestEveryFileHereIsNamedInADocument(t *testing.T) {
	var documents strings.Builder
	for _, dir := range []string{"../docs", "..", "."} {
		pages, err := filepath.Glob(filepath.Join(dir, "*.md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			documents.WriteString(read(t, page))
		}
	}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".go") || strings.Contains(path, "/secrets/") {
			return err
		}
		if !strings.Contains(documents.String(), "deploy/"+path) {
			t.Errorf("no document names deploy/%s", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
