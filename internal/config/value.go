package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Secret is a value that prints as "(set)". The value itself is string(s).
type Secret string

// String says only whether there is one.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(set)"
}

// GoString keeps %#v from printing it.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText keeps encoders, such as that of JSON, from printing it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue keeps logs from printing it.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Redacted is the secret as people may see it: a URL without its password and its query, where drivers
// take passwords too.
func (s Secret) Redacted() string {
	u, err := url.Parse(string(s))
	if s == "" || err != nil || u.Host == "" {
		return s.String()
	}
	u.RawQuery, u.Fragment = "", ""
	return u.Redacted()
}

// Switch is on or off.
type Switch bool

func (s Switch) String() string {
	if s {
		return "on"
	}
	return "off"
}

// String writes a rate as it is set, such as "30/1m".
func (r Rate) String() string {
	window := r.Window.String()
	switch {
	case r.Window%time.Hour == 0:
		window = fmt.Sprintf("%dh", r.Window/time.Hour)
	case r.Window%time.Minute == 0:
		window = fmt.Sprintf("%dm", r.Window/time.Minute)
	}
	return fmt.Sprintf("%d/%s", r.Uses, window)
}

// format writes a value as it would stand in the environment.
func format(v reflect.Value) string {
	if list, ok := v.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v.Interface())
}

// assign puts a raw value, text or what TOML made of it, into a field. The error says what is wanted
// and never repeats the value.
func assign(field reflect.Value, raw any) error {
	switch field.Interface().(type) {
	case []string:
		return assignList(field, raw)
	case Rate:
		return assignRate(field, raw)
	case Switch:
		return assignSwitch(field, raw)
	case int:
		n, err := strconv.Atoi(fmt.Sprint(raw))
		if errors.Is(err, strconv.ErrRange) {
			return errors.New("is far too large a number")
		}
		if err != nil {
			return errors.New("must be a whole number, without a unit")
		}
		field.SetInt(int64(n))
		return nil
	}
	text, ok := raw.(string)
	if !ok {
		return errors.New("must be text")
	}
	field.SetString(text)
	return nil
}

func assignSwitch(field reflect.Value, raw any) error {
	switch strings.ToLower(fmt.Sprint(raw)) {
	case "on", "true", "yes", "1":
		field.SetBool(true)
	case "off", "false", "no", "0":
		field.SetBool(false)
	default:
		return errors.New("must be on or off")
	}
	return nil
}

func assignRate(field reflect.Value, raw any) error {
	wanted := errors.New("must be uses/window, such as 30/1m")
	text, _ := raw.(string)
	uses, window, found := strings.Cut(text, "/")
	if !found {
		return wanted
	}
	n, err := strconv.Atoi(strings.TrimSpace(uses))
	if err != nil {
		return wanted
	}
	d, err := time.ParseDuration(strings.TrimSpace(window))
	if err != nil {
		return wanted
	}
	field.Set(reflect.ValueOf(Rate{n, d}))
	return nil
}

func assignList(field reflect.Value, raw any) error {
	wanted := errors.New("must be a list of text")
	var parts []string
	switch raw := raw.(type) {
	case string:
		parts = strings.Split(raw, ",")
	case []any:
		for _, part := range raw {
			text, ok := part.(string)
			if !ok {
				return wanted
			}
			parts = append(parts, text)
		}
	default:
		return wanted
	}
	list := []string(nil)
	for _, part := range parts {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	field.Set(reflect.ValueOf(list))
	return nil
}
