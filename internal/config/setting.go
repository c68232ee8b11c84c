package config

import (
	"reflect"
	"strings"
)

// Setting describes one field of [Config].
type Setting struct {
	Key    string // in the file, such as "limits.send"
	Env    string // such as "PARLEY_LIMITS_SEND"
	Plain  string // a second environment name, such as "PORT"; "" for none
	Flag   string // such as "limits-send", without the dashes; of a secret, the flag that names its file
	Doc    string
	Secret bool
	// Emptied says that set to nothing in the environment it is empty, and not its default.
	Emptied bool
	// Default is the default as it would be written in the environment.
	Default string

	field []int // the field's place in Config
}

// Settings lists every setting in the order of the struct.
func Settings() []Setting {
	return settings(reflect.ValueOf(Defaults()), "", nil)
}

func settings(group reflect.Value, prefix string, at []int) []Setting {
	var out []Setting
	for i := range group.NumField() {
		field := group.Type().Field(i)
		place := append(append([]int(nil), at...), i)
		key := prefix + field.Tag.Get("koanf")
		if doc, described := field.Tag.Lookup("doc"); described {
			s := Setting{
				Key: key, Env: envName(key), Plain: field.Tag.Get("plain"), Flag: flagName(key), Doc: doc,
				Secret: field.Tag.Get("secret") == "true", Emptied: field.Tag.Get("emptied") == "true", Default: format(group.Field(i)), field: place,
			}
			if s.Secret {
				s.Flag += "-file"
			}
			out = append(out, s)
			continue
		}
		out = append(out, settings(group.Field(i), key+".", place)...)
	}
	return out
}

func envName(key string) string {
	return "PARLEY_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func flagName(key string) string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(key)
}

// fileKey is the key under which a secret's file is named.
func (s Setting) fileKey() string { return s.Key + "_file" }

// envNames lists the environment names of the value itself, the strongest first.
func (s Setting) envNames() []string {
	if s.Plain == "" {
		return []string{s.Env}
	}
	return []string{s.Env, s.Plain}
}
