package app

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/store"
)

// redis looks at the Redis that the settings name.
func (e *examination) redis(ctx context.Context, c *config.Loaded) error {
	if c.RedisURL == "" {
		return nil
	}
	opened, err := redis.Open(redis.Config{URL: string(c.RedisURL), NodeID: newID()})
	if err == nil {
		err = opened.Check(ctx)
	}
	var wrong *redis.WrongError
	switch {
	case err == nil:
		e.sound("Redis answers and lets this user do what is needed.")
		if opened.Evicts() != "" {
			e.unsound(evicts(opened)+".", strings.ToUpper(keepAll[:1])+keepAll[1:]+".")
		}
	case errors.As(err, &wrong):
		e.unsound("The start would fail: "+wrong.What+".", strings.ToUpper(wrong.Next[:1])+wrong.Next[1:]+".")
	case errors.Is(err, redis.ErrInPart):
		e.unsound(err.Error()+".", "Put it right; nodes reach each other over it all the same.")
	case errors.Is(err, redis.ErrAway):
		e.unsound(err.Error()+".", "Start it, or correct REDIS_URL; until then nodes reach each other over PostgreSQL.")
	default:
		return err
	}
	return nil
}

// nodes looks at who serves the database now.
func (e *examination) nodes(ctx context.Context, c *config.Loaded, s *store.Store) error {
	nodes, err := s.Nodes(ctx)
	if err != nil || len(nodes) == 0 {
		return err
	}
	versions := make(map[string]bool)
	var names []string
	for _, n := range nodes {
		versions[n.Version] = true
		names = append(names, n.ID+" ("+n.Version+", "+n.Bus+")")
	}
	all := strings.Join(names, ", ")
	if len(versions) > 1 {
		e.unsound("Nodes of different versions serve this database: "+all+".", "Finish the upgrade.")
	} else {
		e.sound("Nodes that serve this database: %s.", all)
	}
	var start *StartError
	switch err := CheckKeys(ctx, &c.Config, s); {
	case errors.Is(err, fs.ErrNotExist):
		e.unsound("The nodes have a signing key, and there is none here: a node with these settings would not start.", "Give it theirs: PARLEY_SIGNING_KEY, or a copy of the file signing.key.")
	case errors.As(err, &start):
		e.unsound("A node with these settings would not start: "+start.What+".", start.Next+".")
	case err != nil:
		return err
	}
	return nil
}
