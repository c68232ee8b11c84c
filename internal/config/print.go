package config

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// Print writes the effective settings with their comments and where each value came from, as a TOML
// file that [Load] takes. Secrets are left out: a line in a comment says that they are set.
func (l *Loaded) Print(w io.Writer) error {
	var b strings.Builder
	table := ""
	for _, s := range Settings() {
		name := s.Key
		if group, rest, nested := strings.Cut(s.Key, "."); nested {
			name = rest
			if group != table {
				table = group
				fmt.Fprintf(&b, "[%s]\n\n", group)
			}
		}
		field := reflect.ValueOf(l.Config).FieldByIndex(s.field)
		fmt.Fprintf(&b, "# %s\n# %s\n", s.Doc, l.comment(s))
		switch value := field.Interface().(type) {
		case Secret:
			fmt.Fprintf(&b, "# %s = %q\n", name, value.Redacted())
		case int, Switch:
			fmt.Fprintf(&b, "%s = %s\n", name, tomlWord(value))
		case []string:
			quoted := make([]string, len(value))
			for i, part := range value {
				quoted[i] = strconv.Quote(part)
			}
			fmt.Fprintf(&b, "%s = [%s]\n", name, strings.Join(quoted, ", "))
		default:
			fmt.Fprintf(&b, "%s = %s\n", name, strconv.Quote(format(field)))
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func tomlWord(v any) string {
	if s, ok := v.(Switch); ok {
		return strconv.FormatBool(bool(s))
	}
	return fmt.Sprint(v)
}

func (l *Loaded) comment(s Setting) string {
	names := strings.Join(s.envNames(), " or ")
	if s.Secret {
		names += " (or " + s.envNames()[0] + "_FILE)"
	}
	return fmt.Sprintf("%s, --%s. From: %s.", names, s.Flag, l.Origin(s.Key))
}
