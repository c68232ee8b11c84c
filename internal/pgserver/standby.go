package pgserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// StartStandby starts a hot standby of this server: a copy of its data that follows it and can be read.
// [Server.Remove] ends it and deletes its data.
func (s *Server) StartStandby() (*Server, error) {
	data, err := os.MkdirTemp("", "parley-pg-")
	if err != nil {
		return nil, err
	}
	standby := &Server{bin: s.bin, data: data, as: s.as}
	return standby.begin(func() error {
		copied := standby.command(filepath.Join(s.bin, "pg_basebackup"), "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(s.port),
			"-U", "postgres", "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "--no-sync")
		if out, err := copied.CombinedOutput(); err != nil {
			return fmt.Errorf("pg_basebackup: %w\n%s", err, out)
		}
		return nil
	})
}
