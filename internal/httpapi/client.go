package httpapi

import (
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/vearutop/statigz"
)

// notBuilt is what a server without the web client shows to a browser.
const notBuilt = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Parley</title>
<h1>Parley is running</h1>
<p>This program was built without its web client. <code>make run</code> builds both; <code>make web</code> builds the client.</p>
<p>The API is described at <a href="/api/docs">/api/docs</a>.</p>
</html>
`

// readDirFS gives any fs.FS the method that statigz asks for.
type readDirFS struct{ fs.FS }

func (f readDirFS) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(f.FS, name) }

// serveClient serves the built web client: files below assets/ are named by their content and may be kept
// for good, everything else is asked for anew. Paths of no file are the client's own: they get index.html.
func serveClient(assets fs.FS) http.Handler {
	if assets == nil {
		return http.HandlerFunc(serveNotBuilt)
	}
	if _, err := fs.Stat(assets, "index.html"); err != nil {
		return http.HandlerFunc(serveNotBuilt)
	}
	files := statigz.FileServer(readDirFS{assets}, statigz.EncodeOnInit)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !onlyReads(w, r) {
			return
		}
		isFile := r.URL.Path != "/" && files.Found(r)
		if info, err := fs.Stat(assets, strings.Trim(r.URL.Path, "/")); err == nil && info.IsDir() {
			isFile = false
		}
		switch {
		case isFile && strings.HasPrefix(r.URL.Path, "/assets/"):
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		case isFile:
			w.Header().Set("Cache-Control", "no-cache")
		case path.Ext(r.URL.Path) != "" && r.URL.Path != "/index.html":
			http.Error(w, "There is no such file.", http.StatusNotFound)
			return
		default:
			w.Header().Set("Cache-Control", "no-cache")
			index := r.Clone(r.Context())
			index.URL.Path = "/"
			r = index
		}
		files.ServeHTTP(w, r)
	})
}

func serveNotBuilt(w http.ResponseWriter, r *http.Request) {
	if !onlyReads(w, r) {
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	// A browser that has gone reads no answer.
	_, _ = w.Write([]byte(notBuilt))
}

func onlyReads(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "This path is only for reading.", http.StatusMethodNotAllowed)
	return false
}
