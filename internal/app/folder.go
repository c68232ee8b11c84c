package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// prepareFolder makes the data folder, for its owner alone, and proves that it can be written.
func prepareFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return folderProblem(path, err)
	}
	probe, err := os.CreateTemp(path, ".write-*")
	if err != nil {
		return folderProblem(path, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func folderProblem(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return problem(err, "the data folder "+path+" cannot be written", "let this user write there, or name another folder with --data")
	case errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrExist):
		return problem(err, "the data folder "+path+" is not a folder", "name another one with --data")
	case errors.Is(err, syscall.ENOSPC):
		return problem(err, "the disk of the data folder "+path+" is full", "free some space, or name another folder with --data")
	}
	return fmt.Errorf("the data folder %s cannot be used: %w", path, err)
}
