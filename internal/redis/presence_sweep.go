package redis

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/parley-chat/parley/internal/chat"
)

// Lapse returns people whose last lease has ended, by the clock of Redis. Nobody's has in the first [chat.DeviceLease] of a life,
// or after no node called for 10 s: whoever is there had no time to be heard. In a cluster each call begins with another part, so that none waits for ever, and
// an error tells that no part has anybody.
func (d *Devices) Lapse(ctx context.Context, limit int) (offline []chat.Presence, err error) {
	parts := d.parts()
	first := int(d.sweeps.Add(1) % uint64(len(parts)))
	for _, part := range slices.Concat(parts[first:], parts[:first]) {
		if limit <= len(offline) {
			break
		}
		told, failed := d.do(ctx, part, "lapse", []string{strconv.Itoa(min(limit-len(offline), maxAsked))})
		offline, err = append(offline, told.presences...), cmp.Or(err, failed)
	}
	if len(offline) > 0 {
		return offline, nil
	}
	return nil, err
}

// Settle ends it: they are told.
func (d *Devices) Settle(ctx context.Context, offline []chat.Presence) (err error) {
	parts := make(map[string][]string)
	for _, p := range offline {
		part := d.partOf(p.User)
		parts[part] = append(parts[part], string(p.User), strconv.FormatInt(p.Version, 10))
	}
	for part, args := range parts {
		for len(args) > 0 {
			n := min(2*maxAsked, len(args))
			if _, failed := d.do(ctx, part, "settle", args[:n]); failed != nil {
				err = failed
			}
			args = args[n:]
		}
	}
	return err
}
