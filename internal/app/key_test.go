package app

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/config"
)

func TestTheSigningKeyIsMadeOnceAndKeptForItsOwnerAlone(t *testing.T) {
	c := config.Defaults()
	c.Data = t.TempDir()
	keys := make([][]byte, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := signingKey(&c)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	all.Wait()
	for _, key := range keys {
		if len(key) < minKey || !bytes.Equal(key, keys[0]) {
			t.Fatal("two starts at once have two keys")
		}
	}
	info, err := os.Stat(filepath.Join(c.Data, keyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.Data, ".signing-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestASigningKeyThatIsSetIsUsedAndNoneIsMade(t *testing.T) {
	c := config.Defaults()
	c.Data, c.SigningKey = t.TempDir(), config.Secret(strings.Repeat("k", 32))
	key, err := signingKey(&c)
	if err != nil || string(key) != string(c.SigningKey) {
		t.Errorf("%q, %v", key, err)
	}
	if entries, _ := os.ReadDir(c.Data); len(entries) > 0 {
		t.Error("a key was made")
	}
}

func TestASigningKeyThatCannotBeTrustedStopsTheStartAndSaysWhatToDo(t *testing.T) {
	for name, row := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"damaged":         {"not base64!", 0o600, "is damaged"},
		"short":           {"c2hvcnQ=", 0o600, "is damaged"},
		"empty":           {"", 0o600, "is damaged"},
		"open for others": {strings.Repeat("QUFB", 16), 0o644, "run chmod 600"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config.Defaults()
			c.Data = t.TempDir()
			path := filepath.Join(c.Data, keyFile)
			if err := errors.Join(os.WriteFile(path, []byte(row.content), row.mode), os.Chmod(path, row.mode)); err != nil {
				t.Fatal(err)
			}
			_, err := signingKey(&c)
			var start *StartError
			if !errors.As(err, &start) || !strings.Contains(strings.ToLower(err.Error()), row.want) {
				t.Errorf("got %v", err)
			}
			if row.content != "" && strings.Contains(err.Error(), row.content) {
				t.Error("the key stands in the error")
			}
		})
	}
}
