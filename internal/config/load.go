package config

import (
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

const (
	fileFlag = "config"
	fileEnv  = "PARLEY_CONFIG"
)

// Loaded is a checked configuration that knows where each value came from.
type Loaded struct {
	Config
	origins map[string]string
}

// Origin says where the value of a key came from, such as "environment PORT" or "default".
func (l *Loaded) Origin(key string) string {
	if origin, set := l.origins[key]; set {
		return origin
	}
	return "default"
}

// AddFlags defines one flag for every setting, and --config for the file. Those of the limits are many
// and rarely used, so help leaves them to the document.
func AddFlags(flags *pflag.FlagSet) {
	flags.String(fileFlag, "", "TOML file with settings (environment: "+fileEnv+")")
	for _, s := range Settings() {
		doc := s.Doc
		if s.Secret {
			doc = "file that holds the setting " + s.Env + ": " + doc
		}
		flags.String(s.Flag, "", doc)
		flag := flags.Lookup(s.Flag)
		if !s.Secret {
			flag.DefValue = s.Default
		}
		if s.Default == "on" || s.Default == "off" {
			flag.NoOptDefVal = "on"
		}
		flag.Hidden = strings.Contains(s.Key, ".")
	}
}

// Load reads the settings: flags that were given over environ (as of os.Environ) over the file over the
// defaults. The error, if any, is [Problems]: everything that is wrong, in one answer. flags may be nil.
func Load(flags *pflag.FlagSet, environ []string) (*Loaded, error) {
	r := &reader{merged: koanf.New("."), origins: make(map[string]string), settings: Settings()}
	env := r.environment(environ)
	r.file(flags, env)
	r.layer(r.fromEnvironment(env))
	r.layer(r.fromFlags(flags))

	out := &Loaded{Config: Defaults(), origins: r.origins}
	bad := make(map[string]bool)
	for _, s := range r.settings {
		if raw := r.merged.Get(s.Key); raw != nil {
			if err := assign(reflect.ValueOf(&out.Config).Elem().FieldByIndex(s.field), raw); err != nil {
				bad[s.Key] = true
				r.problem(s.Key, "%s %v", s.Env, err)
			}
		}
	}
	for _, p := range out.Validate() {
		if !bad[p.Key] {
			r.problems = append(r.problems, p)
		}
	}
	for i, p := range r.problems {
		if origin, set := r.origins[p.Key]; set {
			r.problems[i].Text += " (from: " + origin + ")"
		}
	}
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return out, nil
}

// reader gathers the layers, from the weakest to the strongest.
type reader struct {
	merged   *koanf.Koanf
	origins  map[string]string
	settings []Setting
	problems Problems
}

func (r *reader) problem(key, text string, args ...any) {
	r.problems = append(r.problems, Problem{key, fmt.Sprintf(text, args...)})
}

// value is one setting in one layer.
type value struct {
	key, origin string
	raw         any
}

// layer puts values over what is there.
func (r *reader) layer(values []value) {
	m := make(map[string]any, len(values))
	for _, v := range values {
		m[v.key] = v.raw
		r.origins[v.key] = v.origin
	}
	if err := r.merged.Load(confmap.Provider(m, "."), nil); err != nil {
		r.problem("", "the settings cannot be read: %v", err)
	}
}

// environment keeps what is set and ours, and complains about PARLEY_ names that do not exist. A name
// set to nothing counts as not set, as Docker and systemd leave them, except where that says something.
func (r *reader) environment(environ []string) map[string]string {
	known := []string{fileEnv}
	emptied := make(map[string]bool)
	for _, s := range r.settings {
		for _, name := range s.envNames() {
			known = append(known, name)
			emptied[name] = s.Emptied
			if s.Secret {
				known = append(known, name+"_FILE")
			}
		}
	}
	isKnown := make(map[string]bool, len(known))
	for _, name := range known {
		isKnown[name] = true
	}
	env := make(map[string]string)
	var unknown []string
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		switch {
		case isKnown[name]:
			if text != "" || emptied[name] {
				env[name] = text
			}
		case strings.HasPrefix(name, "PARLEY_"):
			unknown = append(unknown, name)
		}
	}
	sort.Strings(unknown)
	for _, name := range unknown {
		r.problem("", "%s in the environment is not a setting%s", name, didYouMean(name, known))
	}
	return env
}

func didYouMean(name string, known []string) string {
	if near, ok := Nearest(name, known); ok {
		return "; did you mean " + near + "?"
	}
	return "; parley config lists them all"
}

func (r *reader) fromEnvironment(env map[string]string) []value {
	var out []value
	for _, s := range r.settings {
		for _, name := range s.envNames() {
			if text, set := env[name]; set {
				out = append(out, value{s.Key, "environment " + name, text})
				break
			}
			if path, set := env[name+"_FILE"]; set {
				out = append(out, r.secret(s, path, "environment "+name+"_FILE")...)
				break
			}
		}
	}
	return out
}

func (r *reader) fromFlags(flags *pflag.FlagSet) []value {
	if flags == nil {
		return nil
	}
	var out []value
	for _, s := range r.settings {
		flag := flags.Lookup(s.Flag)
		if flag == nil || !flag.Changed {
			continue
		}
		if s.Secret {
			out = append(out, r.secret(s, flag.Value.String(), "flag --"+s.Flag)...)
			continue
		}
		out = append(out, value{s.Key, "flag --" + s.Flag, flag.Value.String()})
	}
	return out
}

// secret reads a secret from the file that a setting names. One line feed at its end is not part of it.
func (r *reader) secret(s Setting, path, origin string) []value {
	content, err := os.ReadFile(path)
	if err != nil {
		r.problem("", "%s: the file cannot be read: %v", origin, err)
		return nil
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if text == "" {
		r.problem("", "%s: the file %s is empty", origin, path)
		return nil
	}
	return []value{{s.Key, origin, text}}
}

// file reads the TOML file that a flag or the environment names.
func (r *reader) file(flags *pflag.FlagSet, env map[string]string) {
	path := env[fileEnv]
	if flags != nil {
		if flag := flags.Lookup(fileFlag); flag != nil && flag.Changed {
			path = flag.Value.String()
		}
	}
	if path == "" {
		return
	}
	content := koanf.New(".")
	if err := content.Load(file.Provider(path), toml.Parser()); err != nil {
		r.problem("", "the settings file %s cannot be read: %s", path, oneLine(err))
		return
	}
	keys := make(map[string]Setting)
	var known []string
	for _, s := range r.settings {
		keys[s.Key] = s
		known = append(known, s.Key)
		if s.Secret {
			keys[s.fileKey()] = s
			known = append(known, s.fileKey())
		}
	}
	var out []value
	for _, key := range content.Keys() {
		s, ok := keys[key]
		origin := "file " + path
		switch {
		case !ok:
			r.problem("", "%s in the file %s is not a setting%s", key, path, didYouMean(key, known))
		case key == s.fileKey():
			out = append(out, r.secret(s, content.String(key), origin+", "+key)...)
		default:
			out = append(out, value{key, origin, content.Get(key)})
		}
	}
	r.layer(out)
}

// oneLine keeps the position and reason of a parser's error and leaves out the lines of the file that
// it may quote: they can hold secrets.
func oneLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}
