// Package cluster starts a Parley of real processes on free ports of loopback and lets one break it:
// nodes, PostgreSQL, Redis and nginx, with a proxy of our own on every line between them. Everything lies
// in a temp folder. Whatever becomes of the process that started it, nothing goes on running.
package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/pgserver"
	"github.com/parley-chat/parley/internal/redisserver"
)

// Shape is what a cluster is made of.
type Shape string

// The shapes (C8.1).
const (
	SQLite   Shape = "sqlite"   // one node
	Postgres Shape = "postgres" // one node on PostgreSQL
	Full     Shape = "cluster"  // several nodes on PostgreSQL and Redis, behind nginx
)

// Config says what to start.
type Config struct {
	Shape   Shape
	Nodes   int    // of the shape Full; 0 for 3
	Program string // the path of parley
	// Balance names the form of nginx: "ip_hash" or "least_conn". Empty takes the latter.
	Balance string
	// Port is where clients find the cluster, 0 for a free one.
	Port int
	// Logs is a folder that keeps what the processes print. Empty leaves it in the temp folder.
	Logs string
	// SmallDisk puts the data of SQLite on a file system of [DiskSize] in memory, which can be filled.
	// It needs the right to mount.
	SmallDisk bool
	// Clock draws how wrong a node's clock is at first, for a program that knows [ClockVariable]; nil for not
	// at all.
	Clock func() time.Duration
	// Preload names a library that PostgreSQL loads at its start; empty for none.
	Preload string
	// Env are further settings of the nodes, as NAME=value.
	Env []string
}

// Cluster is running.
type Cluster struct {
	Shape    Shape
	Nodes    []*Node
	Postgres *pgserver.Server    // nil on SQLite
	Database string              // its name, on PostgreSQL
	Redis    *redisserver.Server // nil without
	Nginx    *Nginx              // nil with one node
	Front    *proxy.Proxy        // before nginx; nil with one node
	Disk     *Disk               // nil without a small disk

	folder *Folder
	ctx    context.Context
	cancel context.CancelFunc
}

// Start starts everything and returns when it answers. ctx bounds the start alone.
func Start(ctx context.Context, c Config) (_ *Cluster, err error) {
	k := &Cluster{Shape: c.Shape}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Stop())
		}
	}()
	if k.folder, err = MakeFolder(); err != nil {
		return nil, err
	}
	if c.Logs == "" {
		c.Logs = k.folder.Path
	}
	if err := os.MkdirAll(c.Logs, 0o700); err != nil {
		return nil, err
	}
	switch c.Shape {
	case SQLite, Postgres:
		c.Nodes = 1
	case Full:
		if c.Nodes == 0 {
			c.Nodes = 3
		}
	default:
		return nil, fmt.Errorf("%q is not a shape: sqlite, postgres or cluster", c.Shape)
	}
	if err := k.startServices(c); err != nil {
		return nil, err
	}
	if err := k.startNodes(ctx, c); err != nil {
		return nil, err
	}
	return k, k.startFront(c)
}

func (k *Cluster) startServices(c Config) (err error) {
	if c.SmallDisk && c.Shape == SQLite {
		if k.Disk, err = k.folder.mount(); err != nil {
			return err
		}
	}
	if c.Shape != SQLite {
		if k.Postgres, err = pgserver.Start(); err != nil {
			return err
		}
		if c.Preload != "" {
			if err = k.Postgres.Preload(c.Preload); err != nil {
				return err
			}
		}
		if k.Database, err = k.Postgres.CreateDatabase(); err != nil {
			return err
		}
	}
	if c.Shape == Full {
		k.Redis, err = redisserver.Start()
	}
	return err
}

func (k *Cluster) startNodes(ctx context.Context, c Config) error {
	key := rand.Text() + rand.Text()
	for i := range c.Nodes {
		n, err := k.newNode(i, key, c)
		if err != nil {
			return err
		}
		k.Nodes = append(k.Nodes, n)
	}
	// The first one migrates alone; that several may start at once is a matter for the faults.
	if err := k.Nodes[0].Start(ctx); err != nil {
		return err
	}
	var starting sync.WaitGroup
	errs := make([]error, len(k.Nodes))
	for i, n := range k.Nodes[1:] {
		starting.Go(func() { errs[i+1] = n.Start(ctx) })
	}
	starting.Wait()
	return errors.Join(errs...)
}

func (k *Cluster) startFront(c Config) (err error) {
	if c.Shape != Full {
		return nil
	}
	if c.Balance == "" {
		c.Balance = "least_conn"
	}
	if k.Nginx, err = newNginx(k.folder.Path, filepath.Join(c.Logs, "nginx.log"), c.Balance, c.Port, k.Nodes); err != nil {
		return err
	}
	if err := k.Nginx.Start(); err != nil {
		return err
	}
	// Clients have addresses of their own: ip_hash spreads them over the nodes.
	k.Front, err = proxy.ListenSpread(k.Nginx.Address())
	return err
}

// URL is where a person opens the cluster: nginx, or the one node.
func (k *Cluster) URL() string {
	if k.Nginx != nil {
		return "http://" + k.Nginx.Address()
	}
	return k.Nodes[0].URL()
}

// Doors are the proxies through which clients come in, one for each node and nginx's last.
func (k *Cluster) Doors() []*proxy.Proxy {
	var out []*proxy.Proxy
	for _, n := range k.Nodes {
		out = append(out, n.Door)
	}
	if k.Front != nil {
		out = append(out, k.Front)
	}
	return out
}

// DatabaseURL is the way to PostgreSQL past every proxy; empty on SQLite.
func (k *Cluster) DatabaseURL() string {
	if k.Postgres == nil {
		return ""
	}
	return k.Postgres.URL(k.Database)
}

// Stop ends every process and deletes the temp folder.
func (k *Cluster) Stop() error {
	k.cancel()
	if k.Nginx != nil {
		k.Nginx.Kill()
	}
	for _, n := range k.Nodes {
		n.Kill()
		n.close()
	}
	if k.Front != nil {
		k.Front.Close()
	}
	if k.Redis != nil {
		k.Redis.Close()
	}
	if k.Postgres != nil {
		k.Postgres.Remove()
	}
	if k.folder != nil {
		return k.folder.Remove()
	}
	return nil
}
