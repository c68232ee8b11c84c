package app

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parley-chat/parley/internal/config"
)

const (
	keyFile = "signing.key"
	// minKey is the shortest signing key in bytes (RFC 7518 §3.2).
	minKey = 32
)

// signingKey returns the key that signs tokens: the one that is set, else the one kept in the data
// folder, which is made when it is missing. Two processes that make it at once agree on one.
func signingKey(c *config.Config) ([]byte, error) {
	key, err := keyAtHand(c)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	path := filepath.Join(c.Data, keyFile)
	if err := makeKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, folderProblem(c.Data, err)
	}
	return readKey(path)
}

// keyAtHand is the signing key that there is, or fs.ErrNotExist.
func keyAtHand(c *config.Config) ([]byte, error) {
	if c.SigningKey != "" {
		return []byte(c.SigningKey), nil
	}
	return readKey(filepath.Join(c.Data, keyFile))
}

func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return nil, problem(nil, "others on this machine can read the signing key "+path, "run chmod 600 on it; if somebody may have read it, delete it (everybody signs in again)")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the signing key cannot be read: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || len(key) < minKey {
		return nil, problem(nil, "the signing key "+path+" is damaged", "restore it from a backup, or delete it (everybody signs in again)")
	}
	return key, nil
}

// makeKey writes a new key that appears whole or not at all and never replaces one that is there.
func makeKey(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".signing-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	key := make([]byte, 48)
	rand.Read(key)
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
