// Package web carries the built web client inside the binary. `make web` (or `npm run build -w web`) fills
// web/dist; without it the package still compiles and Built says so, which lets the server answer with a
// plain sentence instead of an empty page.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Assets holds the built client: index.html at its root, hashed files below assets/. File names below
// assets/ change with their content, so they may be cached for good; index.html may not be cached at all.
var Assets = mustSub(dist, "dist")

// Built reports whether the client was built into this binary.
func Built() bool {
	_, err := fs.Stat(Assets, "index.html")
	return err == nil
}

// mustSub only fails for an invalid path, which "dist" is not.
func mustSub(from fs.FS, dir string) fs.FS {
	sub, err := fs.Sub(from, dir)
	if err != nil {
		panic(err)
	}
	return sub
}
