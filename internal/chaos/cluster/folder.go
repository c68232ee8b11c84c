package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// keeper deletes the temp folder when its standard input ends, which it does at the latest with the
// process that holds the other end. The nodes die with that process by themselves, but not in no time.
const keeper = `read -r _
for try in 1 2 3 4 5; do
	umount "$1/disk" 2>/dev/null
	rm -rf "$1" 2>/dev/null && exit
	sleep 0.2
done`

// Folder is a folder in the temp directory that is deleted at the latest when the process ends, however it
// ends.
type Folder struct {
	Path  string
	stdin io.WriteCloser
	done  chan struct{}
}

// MakeFolder makes one.
func MakeFolder() (*Folder, error) {
	path, err := os.MkdirTemp("", "parley-chaos-")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", keeper, "sh", path)
	// A process group of its own, so that an interrupt at the terminal does not end it first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	f := &Folder{Path: path, stdin: stdin, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(f.done)
	}()
	return f, nil
}

// Remove deletes it with everything in it.
func (f *Folder) Remove() error {
	_ = f.stdin.Close()
	<-f.done
	if _, err := os.Stat(f.Path); err == nil {
		return fmt.Errorf("%s could not be deleted", f.Path)
	}
	return nil
}

// DiskSize is the size of a small disk in bytes.
const DiskSize = 384 << 20

// Disk is a file system in memory that can be filled to its last byte.
type Disk struct{ path string }

// mount makes a small disk in the folder.
func (f *Folder) mount() (*Disk, error) {
	path := filepath.Join(f.Path, "disk")
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, err
	}
	err := syscall.Mount("parley-chaos", path, "tmpfs", syscall.MS_NODEV|syscall.MS_NOSUID, fmt.Sprintf("size=%d,mode=0700", DiskSize))
	if err != nil {
		return nil, fmt.Errorf("mount a small file system (root may): %w", err)
	}
	return &Disk{path}, nil
}

// Fill takes all the room that is left.
func (d *Disk) Fill() error {
	ballast, err := os.Create(filepath.Join(d.path, "ballast"))
	if err != nil {
		return err
	}
	defer ballast.Close()
	for size := 1 << 20; size >= 1; size /= 16 {
		chunk := make([]byte, size)
		for err = nil; err == nil; {
			_, err = ballast.Write(chunk)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return err
		}
	}
	return nil
}

// Free gives the room back.
func (d *Disk) Free() error { return os.Remove(filepath.Join(d.path, "ballast")) }
