package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// moveMarkFile stands in a data folder whose data lives in PostgreSQL now.
const moveMarkFile = "moved.json"

// moveMark says where the data of a folder went. The system and the database name that database whatever it is called.
type moveMark struct {
	To       string    `json:"to"`
	System   string    `json:"system"`
	Database uint32    `json:"database"`
	At       time.Time `json:"at"`
}

// readMoveMark returns nil where the data of a folder was not moved.
func readMoveMark(dir string) (*moveMark, error) {
	text, err := os.ReadFile(filepath.Join(dir, moveMarkFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("whether the data in %s was moved cannot be read: %w", dir, err)
	}
	mark := new(moveMark)
	if err := json.Unmarshal(text, mark); err != nil {
		return nil, refusal("%s says that its data was moved to PostgreSQL, and cannot be read any more. Delete it only if that is not so.", filepath.Join(dir, moveMarkFile))
	}
	return mark, nil
}

// write puts the mark into the folder, whole or not at all, and on the disk when it returns.
func (m moveMark) write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".moved-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, moveMarkFile)); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// refuse says why the folder is not opened, and what to do.
func (m *moveMark) refuse(dir string) error {
	return refusal("The data in %s was moved to PostgreSQL at %s on %s: set DATABASE_URL to go on there. To go on here instead, without what was written there since, delete %s.",
		dir, m.To, m.At.Format(time.DateOnly), filepath.Join(dir, moveMarkFile))
}

// expectNotMoved refuses a folder whose data lives elsewhere: two servers on two copies would be two truths.
func expectNotMoved(dir string) error {
	mark, err := readMoveMark(dir)
	if mark == nil || err != nil {
		return err
	}
	return mark.refuse(dir)
}
