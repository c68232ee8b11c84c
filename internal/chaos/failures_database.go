package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/proxy"
)

// slowly is on the way there and on the way back: 2 s for each question and its answer.
const slowly = time.Second

// ofDatabase are the codes of a send that the database keeps from being stored (C2.6).
var ofDatabase = []string{client.CodeDBConnectionLost, client.CodeDBTimeout}

const (
	databaseLost = "DOC-004 DB connection lost; DOC-008 `DB_CONNECTION_LOST`"
	databaseSlow = "DOC-004 DB write timeout; DOC-008 `DB_TIMEOUT`"
	// answeredInTime is what C2.6, C2.7 and C4.8 promise of every outage of a database.
	answeredInTime = "every try is answered within 3 s, with `DB_CONNECTION_LOST` or `DB_TIMEOUT`, to be tried again, and with its outcome; " +
		"all drafts are stored once in the end; no connection is lost; confirmed again within 5 s, everything as before within 15 s"
)

// databaseScenes are those of PostgreSQL.
func databaseScenes() (out []FailureScene) {
	for _, lasts := range []time.Duration{2 * time.Second, 10 * time.Second, time.Minute} {
		out = append(out, FailureScene{
			Name: "PostgreSQL stopped for " + seconds(lasts), Of: databaseLost, Shape: cluster.Full, Short: lasts < 5*time.Second, Holds: answeredInTime,
			About: "it is shut down as an administrator does, and started again",
			play:  withoutDatabase("postgres-restart", "PostgreSQL", lasts, stopPostgres).play,
		})
	}
	return append(out,
		FailureScene{
			Name: "PostgreSQL slow", Of: databaseSlow, Shape: cluster.Full, Short: true, Holds: answeredInTime,
			About: "for 6 s every question and its answer take 2 s longer, a second each way, on connections at hand and new ones",
			play: withoutDatabase("database-delayed", "→PostgreSQL", 6*time.Second, func(r *failures) (func(context.Context) error, error) {
				return r.databaseWeather(proxy.Weather{Delay: slowly}), nil
			}).play,
		},
		FailureScene{
			Name: "PostgreSQL silent", Of: databaseSlow, Shape: cluster.Full, Holds: answeredInTime,
			About: "for 10 s its connections stay open and carry no answer, and no new one is answered",
			play: withoutDatabase("database-half-open", "→PostgreSQL", 10*time.Second, func(r *failures) (func(context.Context) error, error) {
				return r.databaseWeather(proxy.Weather{HoldDown: true}), nil
			}).play,
		},
	)
}

func withoutDatabase(kind, target string, lasts time.Duration, cause func(*failures) (func(context.Context) error, error)) outage {
	return outage{kind: kind, target: target, lasts: lasts, part: "database", cause: cause, codes: ofDatabase, answered: answeredWithin, sockets: true}
}

func stopPostgres(r *failures) (func(context.Context) error, error) {
	r.cluster.Postgres.Stop()
	return func(context.Context) error { return r.cluster.Postgres.Restart() }, nil
}

// databaseWeather changes all lines from nodes to PostgreSQL.
func (r *failures) databaseWeather(w proxy.Weather) (mend func(context.Context) error) {
	return r.weather(func(n *cluster.Node) *proxy.Proxy { return n.Database }, w)
}

// weather changes the lines of all nodes until it is mended.
func (r *failures) weather(line func(*cluster.Node) *proxy.Proxy, w proxy.Weather) (mend func(context.Context) error) {
	set := func(w proxy.Weather) {
		for _, n := range r.cluster.Nodes {
			line(n).Set(w)
		}
	}
	set(w)
	return func(context.Context) error {
		set(proxy.Weather{})
		return nil
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%g s", d.Seconds()) }
