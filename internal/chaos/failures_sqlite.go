package chaos

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/faults"
)

// patienceAsked is how long clients are asked to wait while a node only reads.
const patienceAsked = 30 * time.Second

// sqliteScenes are those of one node on SQLite.
func sqliteScenes() []FailureScene {
	return []FailureScene{
		{
			Name: "the file is locked", Of: databaseSlow, Shape: cluster.SQLite, Short: true, Holds: answeredInTime,
			About: "for 8 s another program holds the write lock of the database's file",
			play:  outage{kind: "file-lock", target: "file", lasts: 8 * time.Second, codes: ofDatabase, answered: answeredWithin, sockets: true, cause: lockFile}.play,
		},
		{
			Name: "the disk is full", Of: databaseLost, Shape: cluster.SQLite, Short: true,
			Holds: strings.Replace(answeredInTime, "confirmed again within 5 s, everything as before within 15 s", "confirmed again within the 30 s that clients are asked to wait for, everything as before within 45 s", 1),
			About: "for 5 s the disk of the data folder is full to the last byte",
			play:  outage{kind: "disk-full", target: "disk", part: "storage", lasts: 5 * time.Second, codes: ofDatabase, answered: answeredWithin, sockets: true, first: patienceAsked, healed: patienceAsked + healedWithin, cause: fillDisk}.play,
			lacking: func(*failures) string {
				if os.Getuid() == 0 {
					return ""
				}
				return "a small file system could not be mounted, which root may"
			},
		},
		{
			Name: "the node dies", Of: "DOC-006 crash of a node; DOC-008 `NETWORK_ERROR`", Shape: cluster.SQLite, Short: true,
			Holds: "every draft is stored once in the end; everybody is connected again, and everything as before, within 30 s",
			About: "it is killed (SIGKILL), and started again after 2 s",
			play: outage{
				kind: "kill", target: "node1", lasts: 2 * time.Second, codes: append([]string{client.CodeNetwork}, ofDatabase...),
				answered: againWithin, back: connectedWithin, healed: connectedWithin, cause: killFirst,
			}.play,
		},
	}
}

func fillDisk(r *failures) (func(context.Context) error, error) {
	free := func(context.Context) error { return r.cluster.Disk.Free() }
	if err := r.cluster.Disk.Fill(); err != nil {
		return nil, errors.Join(err, r.cluster.Disk.Free())
	}
	return free, nil
}

func lockFile(r *failures) (func(context.Context) error, error) {
	return faults.LockFile(context.Background(), r.DatabaseURL)
}
