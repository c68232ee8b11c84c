package chaos

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/parley-chat/parley/internal/chaos/cluster"
)

const (
	// departing is how many depart in each way, and crowded how many are at the node that dies.
	departing = 10
	crowded   = 60
)

// presenceScenes are those of who is there. They are scenes of `parley-chaos presence`, with fewer people.
func presenceScenes() []FailureScene {
	of := func(name, of, scene, holds, about string) FailureScene {
		return FailureScene{Name: name, Of: of, Shape: cluster.Full, Holds: holds, About: about, apart: true, play: departs(scene)}
	}
	const once = "everybody who watches is told exactly once; of who is there nothing; "
	return []FailureScene{
		of("people go, or lose the network", "DOC-006 disconnect; DOC-006 network loss", "departures",
			once+"offline within 35 s, of a logout within 2 s, of who is back within 25 s nothing",
			"people close their connection, log out, lose every packet, or are gone for 5, 15 and 25 s"),
		of("a node dies with people on it", "DOC-006 crash of a node", "node killed",
			once+"offline within 40 s", "a node is killed (SIGKILL); half of its people reconnect elsewhere"),
		of("a node stands still with people on it", "DOC-006 crash of a node", "node frozen",
			once+"offline within 35 s", "a node stands still (SIGSTOP); half of its people go elsewhere"),
		of("Redis flushed with people there", "DOC-006 Redis flush", "Redis flushed",
			once+"offline within 40 s of the flush", "FLUSHALL while people are there, and others left 5 s before"),
		of("Redis restarted with people there", "DOC-006 Redis away", "Redis restarted empty",
			"nobody who is there is told to be gone", "Redis is shut down and comes back without data"),
	}
}

// departs plays a scene of departures on a cluster of its own.
func departs(scene string) func(*failures, context.Context, *Failure) error {
	return func(r *failures, ctx context.Context, row *Failure) error {
		o := r.Options
		o.Folder = filepath.Join(r.Folder, strings.ReplaceAll(scene, " ", "-"))
		o.Bounds = r.given
		report, err := Departures(ctx, o, PresenceOptions{People: departing, Crowd: crowded, Only: []string{scene}})
		if err != nil {
			return err
		}
		for _, problem := range report.Problems {
			row.say("%s", problem)
		}
		for _, rule := range report.Check.Violated() {
			row.say("the rule %s is broken", rule)
		}
		var took, silent []string
		for _, d := range report.Departures {
			if d.Bound == 0 {
				silent = append(silent, fmt.Sprintf("%s: %d told of %d people", d.Name, d.Told, d.People))
				continue
			}
			took = append(took, fmt.Sprintf("%s after %s to %s, median %s", d.Name, short(d.Min), short(d.Max), short(d.P50)))
		}
		row.Detected = strings.Join(took, "; ")
		row.Client = strings.Join(append([]string{"`presence:changed`, once to each who watches"}, silent...), "; ")
		row.Recovered = "who connects again is online at once"
		if len(took) == 0 {
			row.Detected, row.Client = "nobody has to", strings.Join(silent, "; ")
		}
		return nil
	}
}
