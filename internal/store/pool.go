package store

import "time"

// Pool is how the connections to the database are used, of SQLite those that read. Waits and Waited count since
// the start.
type Pool struct {
	Max, Used, Idle int
	Waits           int64         // how often a connection had to be waited for
	Waited          time.Duration // how long altogether
}

// Pool reads it. It does not wait.
func (s *Store) Pool() Pool { return s.db.usage() }

func (db *sqliteDB) usage() Pool {
	s := db.readers.Stats()
	return Pool{Max: s.MaxOpenConnections, Used: s.InUse, Idle: s.Idle, Waits: s.WaitCount, Waited: s.WaitDuration}
}

func (db *postgresDB) usage() Pool {
	s := db.pool.Stat()
	return Pool{
		Max: int(s.MaxConns()), Used: int(s.AcquiredConns()), Idle: int(s.IdleConns()),
		Waits: s.EmptyAcquireCount(), Waited: s.EmptyAcquireWaitTime(),
	}
}
